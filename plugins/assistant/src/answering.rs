//! Answers to questions: at once if it is clear what is meant, else by asking back with a button
//! for each question that may be meant.

use althing_plugin::blocks::{Block, button, list, muted, strong, text};
use althing_plugin::chat::{self, Post};
use althing_plugin::{Choice, Context, Interaction, Reply};

use crate::knowledge::{self, Found};
use crate::settings::{Answer, Settings};

/// The action of a button that stands for a known question, which is its value.
const CHOOSE: &str = "answer";
/// The action of the button for none of them.
const NONE: &str = "none";
/// How many known questions are named to whoever asks an unknown one.
const EXAMPLES: usize = 5;

/// `/ask …`: the answer is for whoever asked; a question back is for all to see, because only
/// messages have buttons. The error is a sentence.
pub fn ask(ctx: &Context, settings: &Settings, question: &str) -> Result<Option<Reply>, String> {
    if question.is_empty() {
        return Err("What do you want to know? `/ask how do I …`".to_owned());
    }
    Ok(match knowledge::find(&settings.answers, question) {
        Found::Sure(answer) => Some(Reply::text(&answer.answer).with_blocks(shown(answer))),
        Found::Perhaps(answers) => {
            chat::send(&ctx.channel, ask_back(&ctx.actor, &answers))?;
            None
        }
        Found::Nothing => {
            let (words, blocks) = know_nothing(&settings.answers);
            Some(Reply::text(words).with_blocks(blocks))
        }
    })
}

/// Whether the tenant has taught the answer to a question.
pub fn is_known(settings: &Settings, question: &str) -> bool {
    matches!(knowledge::find(&settings.answers, question), Found::Sure(_))
}

/// A question in a message, answered for all to see.
pub fn answer_message(ctx: &Context, settings: &Settings, question: &str) -> Result<(), String> {
    let post = match knowledge::find(&settings.answers, question) {
        Found::Sure(answer) => Post::text(&answer.answer).with_blocks(shown(answer)),
        Found::Perhaps(answers) => ask_back(&ctx.actor, &answers),
        Found::Nothing => {
            let (words, blocks) = know_nothing(&settings.answers);
            Post::text(words).with_blocks(blocks)
        }
    };
    chat::tell(&ctx.channel, post, "an answer")?;
    Ok(())
}

/// The question in a message that begins with the assistant's name; `None` in all others.
pub fn mentioned<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let rest = message.trim_start().strip_prefix('@')?;
    let end = rest
        .char_indices()
        .nth(name.chars().count())
        .map_or(rest.len(), |(end, _)| end);
    let (called, question) = rest.split_at(end);
    let ends =
        !question.starts_with(|char: char| char.is_alphanumeric() || char == '_' || char == '-');
    let is_called = !name.is_empty() && ends && called.to_lowercase() == name.to_lowercase();
    is_called.then(|| question.trim_start_matches([',', ':', ' ']).trim())
}

/// A button of a question back was pressed. The error is a sentence.
pub fn choose(
    ctx: &Context,
    settings: &Settings,
    pressed: &Interaction,
) -> Result<Option<Reply>, String> {
    if pressed.action == NONE {
        chat::delete(&pressed.message_id)?;
        return Ok(Some(Reply::text(
            "Sorry! Try other words, or ask a person.",
        )));
    }
    let question: String = pressed.json()?;
    let answer = settings
        .answers
        .iter()
        .find(|answer| pressed.action == CHOOSE && answer.question == question)
        .ok_or("I don't have that answer any more. Ask me again.")?;
    // The buttons have done their work.
    chat::edit(
        &pressed.message_id,
        Post::text(&answer.question).with_blocks([strong(&answer.question)]),
    )?;
    chat::send(&ctx.channel, Post::text(&answer.answer))?;
    Ok(None)
}

/// Completions for what follows `/ask`.
pub fn complete(settings: &Settings, typed: &str) -> Vec<Choice> {
    knowledge::complete(&settings.answers, typed)
        .into_iter()
        .map(|answer| Choice::new(&answer.question, &answer.question))
        .collect()
}

fn shown(answer: &Answer) -> Vec<Block> {
    vec![strong(&answer.question), text(&answer.answer)]
}

fn ask_back(asker: &str, answers: &[&Answer]) -> Post {
    let hello = match asker {
        "" => "Did you mean …".to_owned(),
        asker => format!("@{asker}, did you mean …"),
    };
    let questions: Vec<String> = answers
        .iter()
        .map(|answer| format!("• {}", answer.question))
        .collect();
    let mut shown = vec![text(&hello).user(asker)];
    for answer in answers {
        shown.push(
            button(&answer.question, CHOOSE)
                .value(answer.question.as_str())
                .into(),
        );
    }
    shown.push(button("None of these", NONE).into());
    Post::text(format!("{hello}\n{}", questions.join("\n"))).with_blocks(shown)
}

fn know_nothing(answers: &[Answer]) -> (String, Vec<Block>) {
    if answers.is_empty() {
        let words = "Nobody has taught me any answers yet. Whoever runs this app can do that in my settings.";
        return (words.to_owned(), vec![text(words)]);
    }
    let examples: Vec<&str> = answers
        .iter()
        .take(EXAMPLES)
        .map(|answer| answer.question.as_str())
        .collect();
    let words = "I don't know that. You could ask me:";
    (
        format!("{words}\n• {}", examples.join("\n• ")),
        vec![text(words), list(examples), muted("Or ask a person.")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_called_by_its_name() {
        assert_eq!(
            mentioned("@Assistant, where is it?", "assistant"),
            Some("where is it?")
        );
        assert_eq!(mentioned(" @assistant", "assistant"), Some(""));
        assert_eq!(mentioned("@assistants where", "assistant"), None);
        assert_eq!(mentioned("ask @assistant", "assistant"), None);
        assert_eq!(mentioned("@ hello", ""), None);
        assert_eq!(mentioned("@Jürgen hallo", "jürgen"), Some("hallo"));
    }

    #[test]
    fn asks_back_in_words_and_buttons() {
        let answer = |question: &str| Answer {
            question: question.into(),
            answer: "…".into(),
            keywords: vec![],
        };
        let (one, two) = (answer("One?"), answer("Two?"));
        let post = ask_back("alice", &[&one, &two]);
        assert!(post.blocks.contains(r#"{"text":"@alice","user":"alice"}"#));
        assert_eq!(post.body, "@alice, did you mean …\n• One?\n• Two?");
        assert!(
            post.blocks
                .contains(r#"{"type":"button","text":"Two?","action":"answer","value":"Two?"}"#)
        );
    }
}
