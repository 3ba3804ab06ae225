//! What stands between a call and the chat while it is written down or played back. Every question
//! that a call asks goes through one function here, with a line for each: it notes the question and
//! the answer, and when a call is played back it takes the answer from what was noted then. So does
//! the call of a shadow, which asks the chat itself what the other version did not ask.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::{Answered, Error, SEEMS_SENT};
use super::input::Input;
use super::recorded::Recorded;
use super::told::Told;
use crate::plugins::{Answer, Call, Chat, Context, Fault, HostError, Output};

/// A question of a call, and what it was told.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The host function, such as `kv.get`; `owner` for whether that is there which a value or a timer
    /// belongs to.
    pub function: String,
    #[serde(default)]
    pub arguments: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub answer: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// The call ended while it waited.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unanswered: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Notes one call.
pub struct Tape {
    pub(super) chat: Arc<dyn Chat>,
    pub(super) reel: Arc<Reel>,
}

/// What is noted, and what is played back; an answer that is read as it comes has it, too.
pub(super) struct Reel {
    played: Option<Vec<Asked>>,
    /// Whether what is played back has an answer to everything. If not, what it has none to is asked.
    alone: bool,
    bytes_max: usize,
    noted: Mutex<Noted>,
}

/// What is noted of a call.
#[derive(Default)]
pub(super) struct Noted {
    pub call: Option<Noticed>,
    pub asked: Vec<Asked>,
    /// Calls that the instance had served before.
    pub served: u32,
    /// Questions that what is played back has no answer to.
    pub unknown: Vec<String>,
    pub bytes: usize,
    /// Which of the answers that are played back were given.
    given: Vec<bool>,
}

/// What is known of a call before it runs.
pub struct Noticed {
    pub context: Context,
    /// The settings, JSON.
    pub config: Arc<str>,
    pub input: Input,
}

/// What is played back for a question.
pub(super) enum Found<T> {
    Answer(Result<T, HostError>),
    /// The call ended while it waited for the answer.
    Never,
    Nothing,
}

impl Tape {
    /// Notes a call that asks `chat`. Of what it asks and is told so many bytes are kept at most; a
    /// call with more is not recorded.
    pub fn recording(chat: Arc<dyn Chat>, bytes_max: usize) -> Self {
        Self::new(chat, None, true, bytes_max)
    }

    /// Plays back what a call was told, to the same call or to that of another version.
    pub fn playing(chat: Arc<dyn Chat>, asked: Vec<Asked>) -> Self {
        Self::new(chat, Some(asked), true, usize::MAX)
    }

    /// For a call that is held against another: what that one was told is played back. What it did not
    /// ask is asked now; only writes seem to be done, and nothing outside is reached. Of what it asks and is
    /// told so many bytes are kept at most.
    pub fn beside(chat: Arc<dyn Chat>, asked: Vec<Asked>, bytes_max: usize) -> Self {
        Self::new(chat, Some(asked), false, bytes_max)
    }

    fn new(chat: Arc<dyn Chat>, played: Option<Vec<Asked>>, alone: bool, bytes_max: usize) -> Self {
        let reel = Reel {
            played,
            alone,
            bytes_max,
            noted: Mutex::default(),
        };
        Self {
            chat,
            reel: Arc::new(reel),
        }
    }

    /// A call is about to be made.
    pub(in crate::plugins) fn begin(&self, call: &Call<'_>, input: Input) {
        self.reel.noted().call = Some(Noticed {
            context: call.context.clone(),
            config: call.install.config(),
            input,
        });
    }

    /// It runs from its beginning, perhaps once more: what it asked before doesn't count.
    pub(in crate::plugins) fn rewind(&self) {
        let mut noted = self.reel.noted();
        let call = noted.call.take();
        *noted = Noted {
            call,
            ..Noted::default()
        };
    }

    /// It runs in an instance that has served so many calls.
    pub(in crate::plugins) fn served(&self, calls: u32) {
        self.reel.noted().served = calls;
    }

    /// The call as it went. To be called once.
    pub fn end<T: Told>(&self, outcome: &Result<Output<T>, Fault>) -> Recorded {
        let noted = std::mem::take(&mut *self.reel.noted());
        let whole = noted.bytes <= self.reel.bytes_max;
        Recorded::new(noted, whole, outcome)
    }

    /// Asks `chat`, or what is played back in its place.
    pub(super) fn ask<'a, T: Answered + Send + 'a>(
        &'a self,
        function: &'static str,
        arguments: Value,
        live: impl FnOnce(&'a dyn Chat) -> Answer<'a, T> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let live = || live(&*self.chat);
            self.reel.ask(function, arguments, live).await
        })
    }
}

impl Reel {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `live`, or what is played back in its place.
    pub(super) async fn ask<'a, T: Answered>(
        &self,
        function: &'static str,
        arguments: Value,
        live: impl FnOnce() -> Answer<'a, T>,
    ) -> Result<T, HostError> {
        let at = self.note_question(function, &arguments);
        let answer = match self.play::<T>(function, &arguments) {
            None => live().await,
            Some(Found::Answer(answer)) => answer,
            Some(Found::Never) => pending().await,
            Some(Found::Nothing) => Err(HostError::Unavailable(
                "the recording has no answer to it".into(),
            )),
        };
        self.note_answer(at, &answer);
        answer
    }

    /// Whether what is played back has an answer of this function; none if nothing is played back.
    pub(super) fn plays(&self, function: &str) -> Option<bool> {
        let played = self.played.as_ref()?;
        let found = played.iter().any(|asked| asked.function == function);
        (found || self.alone).then_some(found)
    }

    /// Whether each call counts by itself, whatever was noted of another.
    pub(super) fn counts_itself(&self) -> bool {
        !self.alone
    }

    /// Whether this is the id of a message that only seems to be sent.
    pub(super) fn seems_sent(&self, id: &str) -> bool {
        !self.alone && id.starts_with(SEEMS_SENT)
    }

    /// How often the call has asked this and was not refused.
    pub(super) fn count(&self, function: &str) -> usize {
        let noted = self.noted();
        let same = |asked: &&Asked| asked.function == function && asked.error.is_none();
        noted.asked.iter().filter(same).count()
    }

    pub(super) fn note_question(&self, function: &str, arguments: &Value) -> Option<usize> {
        let mut noted = self.noted();
        noted.bytes += arguments.to_string().len();
        if noted.bytes > self.bytes_max {
            return None;
        }
        noted.asked.push(Asked {
            function: function.to_owned(),
            arguments: arguments.clone(),
            answer: Value::Null,
            error: None,
            unanswered: true,
        });
        Some(noted.asked.len() - 1)
    }

    pub(super) fn note_answer<T: Answered>(
        &self,
        at: Option<usize>,
        answer: &Result<T, HostError>,
    ) {
        let (value, error) = match answer {
            Ok(value) => (value.write(), None),
            Err(error) => (Value::Null, Some(Error::from(error))),
        };
        let mut noted = self.noted();
        noted.bytes += value.to_string().len();
        let fits = noted.bytes <= self.bytes_max;
        let asked = at.and_then(|at| noted.asked.get_mut(at)).filter(|_| fits);
        if let Some(asked) = asked {
            (asked.answer, asked.error, asked.unanswered) = (value, error, false);
        }
    }

    /// What is played back; none if the question is to be asked. The same question gets the answers in
    /// their order, and what only reads gets the last one again. What prepares a write needs no answer: it
    /// is taken.
    pub(super) fn play<T: Answered>(&self, function: &str, arguments: &Value) -> Option<Found<T>> {
        let played = self.played.as_ref()?;
        let mut noted = self.noted();
        noted.given.resize(played.len(), false);
        let same = |asked: &Asked| asked.function == function && asked.arguments == *arguments;
        let unused = |noted: &Noted, fits: &dyn Fn(&Asked) -> bool| {
            (0..played.len()).find(|at| !noted.given[*at] && fits(&played[*at]))
        };
        let mut at = unused(&noted, &same);
        if at.is_none() && T::AGAIN {
            at = (0..played.len()).rfind(|at| same(&played[*at]));
        }
        let same = |asked: &&Asked| asked.function == function;
        let sends = noted.asked.iter().filter(same).count();
        let writes = ["chat-write.", "chat-attach."];
        let seems_done = self.alone || writes.iter().any(|of| function.starts_with(of));
        let taken = T::taken(sends).filter(|_| seems_done);
        if at.is_none() && taken.is_some() {
            let like = |asked: &Asked| {
                asked.function == function && asked.error.is_none() && !asked.unanswered
            };
            at = unused(&noted, &like);
        }
        if !self.alone {
            // Whoever waited in vain may have waited for too long.
            at = at.filter(|at| !played[*at].unanswered);
        }
        let Some(at) = at else {
            if let Some(taken) = taken {
                return Some(Found::Answer(Ok(taken)));
            }
            if !self.alone {
                return function
                    .starts_with("http.")
                    .then(|| Found::Answer(Err(nothing_outside())));
            }
            noted.unknown.push(question(function, arguments));
            return Some(Found::Nothing);
        };
        noted.given[at] = true;
        let asked = &played[at];
        if asked.unanswered {
            return Some(Found::Never);
        }
        if let Some(error) = &asked.error {
            return Some(Found::Answer(Err(error.into())));
        }
        match T::read(asked.answer.clone()) {
            Ok(answer) => Some(Found::Answer(Ok(answer))),
            Err(why) => {
                let question = question(function, arguments);
                noted
                    .unknown
                    .push(format!("{question}: its answer can't be read: {why}"));
                Some(Found::Nothing)
            }
        }
    }
}

fn nothing_outside() -> HostError {
    let detail = "a version that is only compared with another reaches nothing outside that the other one did not";
    HostError::Denied(detail.into())
}

/// A question for people: `kv.get(key = "count", scope = "user:bob")`.
fn question(function: &str, arguments: &Value) -> String {
    let fields = arguments.as_object().into_iter().flatten();
    let fields = fields
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{name} = {value}"));
    format!("{function}({})", fields.collect::<Vec<_>>().join(", "))
}
