//! A user who sends all the time: what became of a message that it heard nothing of, it finds out by
//! sending it again under the same id. Now and then it does so with a message that it was told of.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::Attempt;
use super::moment::Told;
use super::random::Random;
use super::wire;
use crate::client::{Frame, Reader, Rest, Writer, connect};

/// Before the next try, when nobody answers.
const PAUSE: Duration = Duration::from_millis(20);
/// One message in so many is sent again after its acknowledgement.
const AGAIN: u64 = 25;

/// Who sends what, and when.
pub struct Load {
    /// The host, with the user's token.
    pub rest: Rest,
    pub token: String,
    pub user: String,
    pub channels: Vec<String>,
    /// Messages under way at once; 0 for one at a time over REST.
    pub window: usize,
    pub every: Duration,
    pub random: Random,
    pub attempts: Arc<Mutex<Vec<Attempt>>>,
    pub told: Arc<Told>,
    /// True as soon as nothing new is to be sent.
    pub enough: watch::Receiver<bool>,
}

/// Sends until it is enough and everything has been answered.
pub async fn run(mut load: Load) {
    // Attempts without an answer yet, in order.
    let mut open = BTreeMap::new();
    while !(*load.enough.borrow() && open.is_empty()) {
        // A connection that ends is what this is about.
        let _ = match load.window {
            0 => load.over_rest(&mut open).await,
            _ => load.over_socket(&mut open).await,
        };
        sleep(PAUSE).await;
    }
}

impl Load {
    fn attempts(&self) -> std::sync::MutexGuard<'_, Vec<Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a new message and gives its number.
    fn begin(&mut self) -> usize {
        let channel = self.channels[self.random.below(self.channels.len() as u64) as usize].clone();
        let sum = self.random.next();
        let mut attempts = self.attempts();
        let number = attempts.len();
        let client_id = format!("{}-{number:06}", self.user);
        let text = format!("{client_id} in {channel}: {sum:016x}");
        let user = self.user.clone();
        attempts.push(Attempt {
            channel,
            user,
            client_id,
            text,
            acks: Vec::new(),
            refused: None,
        });
        number
    }

    fn params(&self, number: usize) -> Value {
        let attempts = self.attempts();
        let Attempt {
            channel,
            text,
            client_id,
            ..
        } = &attempts[number];
        json!({ "channel_id": channel, "type": "text", "data": text, "client_id": client_id })
    }

    /// Notes an answer. Gives whether the message is to be sent again.
    fn note(&mut self, number: usize, answer: Result<&Value, &Value>) -> Result<bool> {
        let again = self.random.once_in(AGAIN);
        let mut attempts = self.attempts();
        let attempt = &mut attempts[number];
        match answer {
            Ok(message) => {
                attempt.acks.push(wire::ack(message)?);
                self.told.ack.notify_waiters();
                Ok(again && attempt.acks.len() == 1)
            }
            Err(problem) if wire::is_retryable(problem) => Ok(true),
            Err(problem) => {
                attempt.refused = Some(problem.to_string());
                Ok(false)
            }
        }
    }

    async fn over_rest(&mut self, open: &mut BTreeMap<usize, ()>) -> Result<()> {
        loop {
            let number = match open.first_key_value() {
                Some((number, ())) => *number,
                None if *self.enough.borrow() => return Ok(()),
                None => self.begin(),
            };
            open.insert(number, ());
            let answer = self
                .rest
                .ask("POST", "/v1/messages", Some(&self.params(number)))
                .await?;
            let answer = if answer.status < 300 {
                Ok(&answer.body)
            } else {
                Err(&answer.body)
            };
            if !self.note(number, answer)? {
                open.remove(&number);
            }
            sleep(self.every).await;
        }
    }

    async fn over_socket(&mut self, open: &mut BTreeMap<usize, ()>) -> Result<()> {
        let (mut reader, mut writer, _) = connect(self.rest.address, &self.token).await?;
        let mut asked: HashMap<u64, usize> = HashMap::new();
        let mut request = 0;
        let mut send =
            |load: &Load, writer: &mut Writer, asked: &mut HashMap<u64, usize>, number: usize| {
                request += 1;
                asked.insert(request, number);
                let frame =
                    json!({ "id": request, "method": "send", "params": load.params(number) });
                writer.text(&frame.to_string());
            };
        for number in open.keys() {
            send(self, &mut writer, &mut asked, *number);
        }
        let mut next = Instant::now();
        loop {
            writer.flush().await?;
            if *self.enough.borrow() && open.is_empty() {
                return Ok(());
            }
            let may_begin = open.len() < self.window && !*self.enough.borrow();
            tokio::select! {
                filled = reader.fill() => {
                    filled?;
                    for (id, answer) in replies(&mut reader, &mut writer)? {
                        let Some(number) = asked.remove(&id) else { bail!("an answer to nothing: {answer}") };
                        let answer = answer.get("result").ok_or_else(|| &answer["error"]);
                        if self.note(number, answer)? {
                            open.insert(number, ());
                            send(self, &mut writer, &mut asked, number);
                        } else {
                            open.remove(&number);
                        }
                    }
                }
                () = sleep_until(next), if may_begin => {
                    next += self.every;
                    let number = self.begin();
                    open.insert(number, ());
                    send(self, &mut writer, &mut asked, number);
                }
                // Woken to look again.
                _ = self.enough.changed() => {}
            }
        }
    }
}

/// The replies that are here, by the ids of their requests.
fn replies(reader: &mut Reader, writer: &mut Writer) -> Result<Vec<(u64, Value)>> {
    let mut replies = Vec::new();
    while let Some(frame) = reader.take()? {
        match frame {
            Frame::Text(text) => {
                let reply: Value = serde_json::from_slice(&text)?;
                let Some(id) = reply["id"].as_u64() else {
                    bail!("not a reply: {reply}")
                };
                replies.push((id, reply));
            }
            Frame::Ping(payload) => writer.pong(&payload),
            Frame::Close(code) => bail!("closed with {code}"),
        }
    }
    Ok(replies)
}
