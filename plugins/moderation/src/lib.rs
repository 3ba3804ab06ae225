//! Moderation: keeps an app's channels civil.
//!
//! A guard that looks at each message before it is sent or changed: words, patterns, links, length,
//! capitals, what looks like spam, and how much one person sends. `settings` says what can be set,
//! `rules` makes it ready, `judge` says what the rules have against a text, `flood` counts.
//!
//! A text is read three times at most: folded (`fold`: case, accents, ways to set a letter), revealed
//! (`reveal`: look-alikes, leetspeak, letters set apart), and as a `skeleton` in which words are found
//! through all of that.

mod dates;
mod flood;
mod fold;
mod judge;
mod links;
mod lookalikes;
mod reveal;
mod rules;
mod settings;
mod skeleton;
mod spam;
mod words;

use std::ops::Range;

use althing_plugin::prelude::*;

use judge::{Fault, Judgement, judge, judge_and_score};
use rules::Rules;
use spam::{Score, Sensitivity};

struct Moderation;

impl MessageGuard for Moderation {
    fn before_send(ctx: &Context, message: Draft) -> Verdict {
        let rules = Rules::for_channel(ctx);
        if rules.settings.exempts(ctx.actor_role) {
            return Verdict::Allow;
        }
        let (verdict, score) = by_content(&rules, &message);
        score.inspect(|score| count(*score));
        // What the app and its plugins send, they send for others.
        if matches!(verdict, Verdict::Reject(_))
            || matches!(ctx.actor_role, Role::Server | Role::Plugin)
        {
            return verdict;
        }
        flood::check(&rules.settings, ctx, &message).unwrap_or(verdict)
    }

    fn before_edit(ctx: &Context, message: Draft, _before: Draft) -> Verdict {
        let rules = Rules::for_channel(ctx);
        if rules.settings.exempts(ctx.actor_role) {
            return Verdict::Allow;
        }
        match by_content(&rules, &message).0 {
            // Edits can't wait for a review. Say so, or the sender would look for a queue.
            Verdict::Hold(reason) => {
                let sentence = reason.lines().next().unwrap_or_default();
                Verdict::reject(
                    "edit_needs_review",
                    format!(
                        "{sentence} Someone would have to look at it first, and changes can't wait: send a new message instead."
                    ),
                )
            }
            verdict => verdict,
        }
    }
}

/// What the rules for texts say of a message, and how much it looks like spam if that was asked.
fn by_content(rules: &Rules, message: &Draft) -> (Verdict, Option<Score>) {
    let is_shown = |part: &Range<usize>| dates::is_shown(message, part);
    let (judgement, score) = judge_and_score(rules, &message.text, &is_shown);
    let verdict = match judgement {
        Judgement::Fine => Verdict::Allow,
        Judgement::Reject(fault) => reject(rules, fault),
        Judgement::Hold(fault) => Verdict::hold(fault.reason).for_reviewers(one_line(&fault.rule)),
        Judgement::Rewrite(text) if message.kind == "text" => Verdict::change_text(text),
        Judgement::Rewrite(_) => rewrite_data(rules, message),
    };
    (verdict, score)
}

/// Counts a message for each sensitivity at which it would be spam, so that a tenant sees what another
/// one would do.
fn count(score: Score) {
    let Some(level) = score.level() else { return };
    for (reached, name) in [
        (Sensitivity::High, "spam_at_high"),
        (Sensitivity::Medium, "spam_at_medium"),
        (Sensitivity::Low, "spam_at_low"),
    ] {
        if level >= reached {
            metrics::add(name, 1);
        }
    }
}

/// Masks the texts inside the data of a message of a kind.
fn rewrite_data(rules: &Rules, message: &Draft) -> Verdict {
    let Ok(mut data) = message.json::<Value>() else {
        return Verdict::Allow;
    };
    if rewrite_strings(rules, &mut data) {
        Verdict::change_data(&data)
    } else {
        // The words come together only as the kind shows them: nothing to mask.
        let fault = Fault {
            code: "content_not_allowed",
            reason: "Your message contains something that isn't allowed here.".to_owned(),
            rule: "something to mask, in the message as it is shown".to_owned(),
        };
        reject(rules, fault)
    }
}

/// Whether any text in `value` was changed.
fn rewrite_strings(rules: &Rules, value: &mut Value) -> bool {
    match value {
        // A lone address leads to a file or picture: masking a word in it would only break it.
        Value::String(text) if text.contains("://") && !text.contains(' ') => false,
        Value::String(text) if dates::is_one(text) => false,
        Value::String(text) => match judge(rules, text) {
            Judgement::Rewrite(rewritten) => {
                *text = rewritten;
                true
            }
            _ => false,
        },
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| {
            rewrite_strings(rules, value) | changed
        }),
        Value::Object(fields) => fields.values_mut().fold(false, |changed, value| {
            rewrite_strings(rules, value) | changed
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A refusal that can be appealed, if the tenant lets it.
fn reject(rules: &Rules, fault: Fault) -> Verdict {
    let verdict = Verdict::reject(fault.code, one_line(&fault.reason));
    if rules.settings.appeals {
        verdict.for_reviewers(one_line(&fault.rule))
    } else {
        verdict
    }
}

/// A line break would end the sentence for the sender.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests;

althing_plugin::plugin!(Moderation: MessageGuard, manifest = "plugin.toml");
