//! The settings made ready: what holds in a channel, its words folded, its patterns compiled. The host
//! keeps this plugin's instances for further calls, so it is done once for many messages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use althing_plugin::{Context, config, log};
use regex_lite::{Regex, RegexBuilder};

use crate::fold::Folded;
use crate::reveal::Disguises;
use crate::settings::{Pattern, Settings};
use crate::skeleton::Word;

/// Combinations of overrides that are kept ready.
const READY_MAX: usize = 16;

/// The rules that hold in a channel.
pub struct Rules {
    pub settings: Settings,
    /// For each of the word lists, its words as they are looked for.
    pub words: Vec<Vec<Sought>>,
    /// What is seen through.
    pub disguises: Disguises,
    /// For each of the patterns, what finds it. None if it is no pattern.
    pub patterns: Vec<Option<Regex>>,
}

/// A word as it is looked for.
pub struct Sought {
    pub folded: String,
    /// None if it isn't looked for in disguise.
    pub disguised: Option<Word>,
}

impl Sought {
    fn new(word: &str) -> Sought {
        let folded = Folded::new(word.trim()).text().to_owned();
        Sought {
            disguised: Word::new(&folded),
            folded,
        }
    }
}

thread_local! {
    static SETTINGS: Settings = config();
    /// By the overrides that hold.
    static READY: RefCell<BTreeMap<Vec<usize>, Rc<Rules>>> = const { RefCell::new(BTreeMap::new()) };
}

impl Rules {
    pub fn new(settings: Settings) -> Rules {
        let sought = |word: &String| Sought::new(word);
        Rules {
            words: settings
                .words
                .iter()
                .map(|list| list.words.iter().map(sought).collect())
                .collect(),
            patterns: settings.patterns.iter().map(compile).collect(),
            disguises: settings.disguises(),
            settings,
        }
    }

    /// Those for the channel of a call.
    pub fn for_channel(ctx: &Context) -> Rc<Rules> {
        SETTINGS.with(|settings| {
            let overrides = settings.overrides_for(ctx);
            READY.with_borrow_mut(|ready| {
                if ready.len() >= READY_MAX && !ready.contains_key(&overrides) {
                    ready.clear();
                }
                let rules = ready
                    .entry(overrides)
                    .or_insert_with_key(|overrides| Rc::new(Rules::new(settings.with(overrides))));
                Rc::clone(rules)
            })
        })
    }
}

fn compile(rule: &Pattern) -> Option<Regex> {
    RegexBuilder::new(&rule.pattern)
        .case_insensitive(true)
        .build()
        .inspect_err(|error| log::error!("the pattern `{}` is left out: {error}", rule.pattern))
        .ok()
}
