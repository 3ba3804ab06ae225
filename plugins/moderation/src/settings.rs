//! What a tenant can set, and which of it holds in a channel. `plugin.toml` describes each setting.

use althing_plugin::{Context, Role};
use serde::Deserialize;

use crate::reveal::Disguises;
use crate::spam::Sensitivity;

/// All settings: rules for everywhere, and what is otherwise in some channels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub words: Vec<WordList>,
    /// Those that word lists and the spam score see through.
    pub disguises: Vec<Disguise>,
    pub patterns: Vec<Pattern>,
    pub spam_action: SpamAction,
    pub spam_sensitivity: Sensitivity,
    pub links: LinkPolicy,
    pub link_domains: Vec<String>,
    pub link_action: Action,
    /// The most messages of one person in a channel within `flood_seconds`; 0 for any number.
    pub flood_messages: u32,
    pub flood_seconds: u32,
    /// The most equal messages of one person within `repeat_seconds`; 0 for any number.
    pub repeats: u32,
    pub repeat_seconds: u32,
    /// The most characters a message may have; 0 for any number.
    pub max_characters: u32,
    /// The largest share of capitals among the letters; 100 for any.
    pub capitals_percent: u32,
    /// Messages with fewer letters may be all capitals.
    pub capitals_min_letters: u32,
    pub capitals_action: CapitalsAction,
    /// Whether senders may have a person look at what was refused for what it says.
    pub appeals: bool,
    pub exempt: Vec<Exempt>,
    overrides: Vec<Override>,
}

/// What happens to a message with something in it that isn't wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Mask,
    Reject,
    Hold,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordList {
    /// By which overrides name it.
    #[serde(default)]
    pub name: String,
    pub words: Vec<String>,
    #[serde(default, rename = "match")]
    pub place: Place,
    #[serde(default = "mask")]
    pub action: Action,
    /// What the sender is told; empty for a sentence that names the word.
    #[serde(default)]
    pub reason: String,
    /// False: only where an override names it.
    #[serde(default = "yes")]
    everywhere: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    #[default]
    WholeWord,
    Anywhere,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What it finds, such as `phone numbers`; overrides name it by this.
    #[serde(default)]
    pub name: String,
    pub pattern: String,
    #[serde(default = "mask")]
    pub action: Action,
    /// What the sender is told; empty for a sentence that names what was found.
    #[serde(default)]
    pub reason: String,
    /// False: only where an override names it.
    #[serde(default = "yes")]
    everywhere: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    AllowAll,
    AllowListed,
    BlockAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapitalsAction {
    Lower,
    Reject,
    Hold,
}

/// A way to write a word so that it isn't found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disguise {
    Lookalikes,
    Leetspeak,
    Spacing,
    Stretching,
}

/// What happens to a message that looks like spam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpamAction {
    /// Nothing is looked at.
    Off,
    /// It is sent, and counted.
    Count,
    Hold,
    Reject,
}

/// Whose messages no rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exempt {
    Admin,
    Owner,
    Server,
    Plugin,
}

/// What is otherwise in some channels. What it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Override {
    channels: Vec<String>,
    channel_types: Vec<String>,
    /// The names of the word lists that hold there.
    words: Option<Vec<String>>,
    /// The names of the patterns that hold there.
    patterns: Option<Vec<String>>,
    disguises: Option<Vec<Disguise>>,
    spam_action: Option<SpamAction>,
    spam_sensitivity: Option<Sensitivity>,
    links: Option<LinkPolicy>,
    link_domains: Option<Vec<String>>,
    link_action: Option<Action>,
    flood_messages: Option<u32>,
    flood_seconds: Option<u32>,
    repeats: Option<u32>,
    repeat_seconds: Option<u32>,
    max_characters: Option<u32>,
    capitals_percent: Option<u32>,
    capitals_min_letters: Option<u32>,
    capitals_action: Option<CapitalsAction>,
    appeals: Option<bool>,
    exempt: Option<Vec<Exempt>>,
}

impl Settings {
    /// Which overrides hold in the channel of a call, in the order in which they do: what is set for
    /// the channel itself wins over what is set for its type, and of two alike the later.
    pub fn overrides_for(&self, ctx: &Context) -> Vec<usize> {
        let names = |rules: &Override| rules.channels.contains(&ctx.channel);
        let (by_name, others): (Vec<_>, Vec<_>) =
            (0..self.overrides.len()).partition(|at| names(&self.overrides[*at]));
        let by_type = others.into_iter().filter(|at| {
            let types = &self.overrides[*at].channel_types;
            types.contains(&ctx.channel_type)
        });
        by_type.chain(by_name).collect()
    }

    /// The settings where these overrides hold.
    pub fn with(&self, overrides: &[usize]) -> Settings {
        let mut settings = self.clone();
        let (mut words, mut patterns) = (None, None);
        for rules in overrides.iter().filter_map(|at| self.overrides.get(*at)) {
            words = rules.words.clone().or(words);
            patterns = rules.patterns.clone().or(patterns);
            settings.apply(rules.clone());
        }
        settings
            .words
            .retain(|list| holds(&words, &list.name, list.everywhere));
        settings
            .patterns
            .retain(|pattern| holds(&patterns, &pattern.name, pattern.everywhere));
        settings
    }

    /// What is seen through.
    pub fn disguises(&self) -> Disguises {
        let sees = |disguise| self.disguises.contains(&disguise);
        Disguises {
            lookalikes: sees(Disguise::Lookalikes),
            leetspeak: sees(Disguise::Leetspeak),
            spacing: sees(Disguise::Spacing),
            stretching: sees(Disguise::Stretching),
        }
    }

    /// Whether no rule looks at what people of this role send.
    pub fn exempts(&self, role: Role) -> bool {
        self.exempt.iter().any(|exempt| match exempt {
            Exempt::Admin => role == Role::Admin,
            Exempt::Owner => role == Role::Owner,
            Exempt::Server => role == Role::Server,
            Exempt::Plugin => role == Role::Plugin,
        })
    }

    fn apply(&mut self, rules: Override) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut self.disguises, rules.disguises);
        set(&mut self.spam_action, rules.spam_action);
        set(&mut self.spam_sensitivity, rules.spam_sensitivity);
        set(&mut self.links, rules.links);
        set(&mut self.link_domains, rules.link_domains);
        set(&mut self.link_action, rules.link_action);
        set(&mut self.flood_messages, rules.flood_messages);
        set(&mut self.flood_seconds, rules.flood_seconds);
        set(&mut self.repeats, rules.repeats);
        set(&mut self.repeat_seconds, rules.repeat_seconds);
        set(&mut self.max_characters, rules.max_characters);
        set(&mut self.capitals_percent, rules.capitals_percent);
        set(&mut self.capitals_min_letters, rules.capitals_min_letters);
        set(&mut self.capitals_action, rules.capitals_action);
        set(&mut self.appeals, rules.appeals);
        set(&mut self.exempt, rules.exempt);
    }
}

/// Whether a list or pattern holds where overrides name `named`.
fn holds(named: &Option<Vec<String>>, name: &String, everywhere: bool) -> bool {
    named
        .as_ref()
        .map_or(everywhere, |named| named.contains(name))
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            words: Vec::new(),
            disguises: vec![
                Disguise::Lookalikes,
                Disguise::Leetspeak,
                Disguise::Spacing,
                Disguise::Stretching,
            ],
            patterns: Vec::new(),
            spam_action: SpamAction::Off,
            spam_sensitivity: Sensitivity::Low,
            links: LinkPolicy::AllowAll,
            link_domains: Vec::new(),
            link_action: Action::Reject,
            flood_messages: 10,
            flood_seconds: 10,
            repeats: 4,
            repeat_seconds: 60,
            max_characters: 0,
            capitals_percent: 100,
            capitals_min_letters: 20,
            capitals_action: CapitalsAction::Lower,
            appeals: true,
            exempt: vec![Exempt::Server],
            overrides: Vec::new(),
        }
    }
}

fn mask() -> Action {
    Action::Mask
}

fn yes() -> bool {
    true
}
