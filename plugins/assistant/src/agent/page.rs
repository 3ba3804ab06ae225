//! The message in which an answer comes to be.

use althing_plugin::Error;
use althing_plugin::blocks::{Button, button, muted, text};
use althing_plugin::prelude::*;

use super::job::{self, Job};
use super::{AGAIN, STOP};

/// What stands where the answer will be.
const WAITING: &str = "…";
const STOPPING: &str = "… (stopping)";
/// The longest answer, in bytes: with its blocks it has to fit into a message.
pub const ANSWER_BYTES_MAX: usize = 8_000;

/// A message that is being written.
pub struct Page<'a> {
    channel: &'a str,
    id: &'a str,
    job: Job,
    /// The answer so far.
    pub said: String,
}

/// What became of the message meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    GoOn,
    /// Somebody wants no more of it.
    Stopped,
    /// It is gone.
    Gone,
}

impl<'a> Page<'a> {
    pub fn new(channel: &'a str, id: &'a str, job: Job) -> Page<'a> {
        Page {
            channel,
            id,
            job,
            said: String::new(),
        }
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    pub fn waiting(job: &Job) -> Post {
        post(job, WAITING, Some(button("Stop", STOP)))
    }

    pub fn stopping(job: &Job) -> Post {
        post(job, STOPPING, None)
    }

    /// What a stored message of this kind waits for.
    pub fn watch(message: &Message) -> Option<Watch> {
        let text = message.content.text.as_str();
        if message.deleted {
            Some(Watch::Gone)
        } else if text.ends_with(STOPPING) {
            Some(Watch::Stopped)
        } else {
            text.ends_with(WAITING).then_some(Watch::GoOn)
        }
    }

    /// Adds to the answer.
    pub fn say(&mut self, more: &str) {
        self.said.push_str(more);
    }

    /// Begins a new paragraph.
    pub fn pause(&mut self) {
        self.said.truncate(self.said.trim_end().len());
        if !self.said.is_empty() {
            self.said.push_str("\n\n");
        }
    }

    pub fn is_full(&self) -> bool {
        self.said.len() >= ANSWER_BYTES_MAX
    }

    /// Shows what is said so far, and looks whether anybody still waits for it.
    pub fn show(&mut self) -> Result<Watch, String> {
        let so_far = match self.said.trim() {
            "" => WAITING.to_owned(),
            said => format!("{} {WAITING}", cut(said)),
        };
        let so_far = post(&self.job, &so_far, Some(button("Stop", STOP)));
        match chat::progress(self.id, &so_far) {
            Ok(_) => {}
            Err(Error::NotFound(_)) => return Ok(Watch::Gone),
            Err(Error::Conflict) => {
                let message = chat::message(self.id)?;
                return Ok(Self::watch(&message).unwrap_or(Watch::Gone));
            }
            // A guard doesn't want it shown; what it says of the whole will be seen.
            Err(error) => log::debug!("not shown: {error}"),
        }
        Ok(Watch::GoOn)
    }

    /// Lands the answer, with a note behind it if it isn't whole.
    pub fn finish(&self, note: Option<&str>) -> Result<(), String> {
        let said = cut(self.said.trim());
        let is_cut = said.len() < self.said.trim().len();
        let note = note.or(is_cut.then_some("(My answer was too long.)"));
        let answer = match (said.as_str(), note) {
            ("", note) => note.unwrap_or("I have nothing to say.").to_owned(),
            (said, None) => said.to_owned(),
            (said, Some(note)) => format!("{said}\n\n{note}"),
        };
        let again = note.map(|_| button("Try again", AGAIN));
        self.land(post(&self.job, &answer, again))
    }

    fn land(&self, page: Post) -> Result<(), String> {
        match chat::edit(self.id, page) {
            Ok(()) => {}
            Err(Error::NotFound(_)) => return Ok(()),
            Err(Error::Invalid(reason)) => {
                log::warn!("an answer was refused: {reason}");
                let words = "I have an answer, but it may not be said here.";
                let again = Some(button("Try again", AGAIN));
                chat::edit(self.id, post(&self.job, words, again))?;
            }
            Err(error) => return Err(error.into()),
        }
        job::stop(self.channel, self.id, self.job.message.as_deref())
    }
}

/// The message: after the question, if it stands nowhere else. The button is for whoever asked, and for those
/// who run the channel.
fn post(job: &Job, answer: &str, action: Option<Button>) -> Post {
    let (mut words, mut shown) = (answer.to_owned(), Vec::new());
    if job.message.is_none() {
        let asks = format!("{} asks:", job.asker);
        words = format!("{asks} {}\n\n{answer}", job.question);
        let asks = muted(asks).user_as(&job.asker, &job.asker);
        shown.extend([asks, muted(&job.question)]);
    }
    shown.push(text(answer));
    shown.extend(action.map(|action| action.for_users([&job.asker]).for_admins().into()));
    match shown.len() {
        1 => Post::text(words),
        _ => Post::text(words).with_blocks(shown),
    }
}

fn cut(said: &str) -> String {
    let mut end = said.len().min(ANSWER_BYTES_MAX);
    while !said.is_char_boundary(end) {
        end -= 1;
    }
    said[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(message: Option<&str>) -> Job {
        Job {
            asker: "alice".into(),
            question: "Why?".into(),
            message: message.map(str::to_owned),
        }
    }

    #[test]
    fn the_question_of_a_command_stands_above_its_answer() {
        assert_eq!(post(&job(Some("msg_1")), "Because.", None).body, "Because.");
        let post = post(&job(None), "Because.", None);
        assert_eq!(post.body, "alice asks: Why?\n\nBecause.");
        let asked = r#"{"type":"text","text":"alice asks:","style":"muted","marks":[{"text":"alice","user":"alice"}]}"#;
        assert!(post.blocks.contains(asked) && post.blocks.contains("Because."));
    }

    #[test]
    fn a_button_is_for_whoever_asked() {
        let waiting = Page::waiting(&job(Some("msg_1"))).blocks;
        let whose = r#""action":"ai-stop","for":{"users":["alice"],"role":"admin"}}"#;
        assert!(waiting.contains(whose), "{waiting}");
    }

    #[test]
    fn a_message_says_what_it_waits_for() {
        let message = |post: Post| Message {
            id: "msg_2".into(),
            channel: "c".into(),
            seq: 2,
            sender: "bot:assistant".into(),
            ts_ms: 0,
            content: Draft::text(post.body),
            deleted: false,
        };
        let watch = |post| Page::watch(&message(post)).map(|watch| watch as u8);
        assert_eq!(watch(Page::waiting(&job(None))), Some(Watch::GoOn as u8));
        assert_eq!(
            watch(Page::stopping(&job(None))),
            Some(Watch::Stopped as u8)
        );
        assert_eq!(watch(Post::text("Because.")), None);
    }

    #[test]
    fn long_answers_are_cut_between_characters() {
        let long = "é".repeat(ANSWER_BYTES_MAX);
        assert_eq!(cut(&long).len(), ANSWER_BYTES_MAX);
        assert_eq!(cut(&format!("x{long}")).len(), ANSWER_BYTES_MAX - 1);
    }
}
