//! The words in what people and plugins write: all that a reader could come to see of a document. Guards
//! are shown those that are not in a message's text, below it; rather too many than too few.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::clock;
use crate::model::{ChannelKey, FileId, Message, MessageId};
use crate::wire;

/// Of more words than this, or names of fields, nobody looks which of them are shown: guards are given all.
const LOOKED_FOR_MAX: usize = 64;
/// Numbers with fewer digits are votes, places in a list and the like.
const DIGITS_MIN: usize = 3;
/// Numbers from here to there are times in milliseconds: 2001 to 2039.
const TIMES_MS: Range<u64> = 1_000_000_000_000..2_208_988_800_000;
/// Fields of a block that nobody reads.
const UNREAD: [&str; 4] = ["type", "style", "action", "for"];
/// Where a block says what pieces of its words stand for, and what nobody reads of that: a piece is among the
/// block's words or shown nowhere, and a time is no word.
const MARKS: &str = "marks";
const UNREAD_IN_MARKS: [&str; 3] = ["text", "at", "show"];

/// What a document says.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Its strings, and its numbers of some digits but times.
    said: Vec<String>,
    /// The names of its own fields, and of those deeper in it.
    top: Vec<String>,
    deep: Vec<String>,
}

/// The words in a JSON text, also those of fields that have the same name.
pub(super) fn of(json: &str) -> Words {
    read(json, &[], true)
}

/// The words in blocks, all that a reader may see of them.
pub(super) fn in_blocks(blocks: &[serde_json::Value]) -> Vec<String> {
    let mut words = of_blocks(&wire::to_json(&blocks)).said;
    words.retain(|word| !word.trim().is_empty());
    words
}

fn of_blocks(json: &str) -> Words {
    read(json, &UNREAD, true)
}

/// The words in what a kind's plugin made. Its numbers are counts, times and places that it works out: those
/// that somebody wrote are among what was written.
fn of_made(json: &str) -> Words {
    read(json, &[], false)
}

fn of_made_blocks(json: &str) -> Words {
    read(json, &UNREAD, false)
}

fn read(json: &str, unread: &'static [&'static str], numbers: bool) -> Words {
    let mut words = Words::default();
    let reader = Reader {
        words: &mut words,
        depth: 0,
        unread,
        numbers,
    };
    let mut document = serde_json::Deserializer::from_str(json);
    if reader.deserialize(&mut document).is_err() {
        // Such as a number that no computer holds: whatever stands there is said.
        words.said.push(json.to_owned());
    }
    words
}

impl Words {
    /// Whether a string of it has this word.
    fn says(&self, word: &str) -> bool {
        self.said.iter().any(|text| has_apart(text, word))
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.top.iter().chain(&self.deep)
    }

    /// Too many to look for each.
    fn has_many_names(&self) -> bool {
        self.top.len() + self.deep.len() > LOOKED_FOR_MAX
    }
}

/// What a plugin's kind makes of what somebody wrote.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub data: &'a str,
    pub view: &'a str,
    pub state: &'a str,
}

/// The words in what a channel says of itself.
pub(super) fn of_channel(name: Option<&str>, tags: &[String], custom: &str) -> Vec<String> {
    let custom = of(custom);
    let names = custom.names().filter(|name| !is_plain(name));
    let words = name.into_iter().chain(tags.iter().map(String::as_str));
    let words = words.chain(custom.said.iter().chain(names).map(String::as_str));
    let mut seen = HashSet::new();
    let words = words.filter(|word| says_something(word, &[]) && seen.insert(*word));
    words.map(str::to_owned).collect()
}

/// All words of a new message of a kind: those that its sender wrote, whatever became of them, and those
/// in what the kind's plugin shows and keeps.
pub(super) fn of_new(known: &[&str], written: &str, made: Made<'_>) -> Vec<String> {
    let written = of(written);
    let (data, state) = (of_made(made.data), of_made(made.state));
    let view = of_made_blocks(made.view);
    let mut words: Vec<&String> = written.said.iter().collect();
    // The kind's own names of fields say nothing; what people chose may be one as well.
    let own: HashSet<&String> = written.top.iter().collect();
    let kept: HashSet<&String> = state.names().collect();
    let many = written.has_many_names();
    words.extend(written.names().filter(|name| {
        many || !is_plain(name)
            || view.says(name)
            || state.says(name)
            || (kept.contains(name) && !own.contains(name))
    }));
    words.extend(data.said.iter().chain(&view.said).chain(&state.said));
    let mut seen = HashSet::new();
    words.retain(|word| says_something(word, known) && seen.insert(*word));
    words.into_iter().cloned().collect()
}

/// The words that an act brings into a message of a kind, each once: those in its value that the message
/// holds neither in its data nor in its view nor in its state, whose words came the same way. Names of
/// fields are among them if they turn up in what comes of it. If there are any, those come with them that
/// are new in there.
pub(super) fn new_in_act(
    message: &Message,
    known: &[&str],
    value: &str,
    made: Made<'_>,
) -> Vec<String> {
    let value = of(value);
    if value.said.is_empty() && value.names().next().is_none() {
        return Vec::new();
    }
    let of_old = |json: Option<&String>| json.map(|json| of(json)).unwrap_or_default();
    let data = of(&message.data);
    let (view, state) = (
        of_old(message.view.as_ref()),
        of_old(message.state.as_ref()),
    );
    let said = [&data, &view, &state].map(|words| &words.said);
    let mut held: HashSet<&String> = said.into_iter().flatten().chain(state.names()).collect();
    let (new_view, new_state) = (of_made_blocks(made.view), of_made(made.state));
    let kept: HashSet<&String> = new_state.names().collect();
    let fields: HashSet<&String> = data.names().collect();
    let mut words: Vec<&String> = value.said.iter().collect();
    let many = value.has_many_names();
    words.extend(value.names().filter(|name| {
        if many {
            return true;
        }
        let turns_up = new_view.says(name) || new_state.says(name) || kept.contains(name);
        turns_up && !fields.contains(name) && !view.says(name) && !state.says(name)
    }));
    // What is new once is held from then on.
    words.retain(|word| says_something(word, known) && held.insert(word));
    if !words.is_empty() {
        let new = new_view.said.iter().chain(&new_state.said);
        words.extend(new.filter(|word| says_something(word, known) && held.insert(word)));
    }
    words.into_iter().cloned().collect()
}

/// The strings and numbers of one document that another has not, or not as often.
pub(super) fn gone(before: &str, after: &str) -> Vec<String> {
    let mut left: HashMap<String, usize> = HashMap::new();
    for word in of(after).said {
        *left.entry(word).or_default() += 1;
    }
    let mut gone = of(before).said;
    gone.retain(|word| match left.get_mut(word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    gone.sort_unstable();
    gone.dedup();
    gone
}

/// A text and, below it, those of the words that it does not have.
pub(super) fn below(text: &str, words: &[String]) -> String {
    let mut all = text.to_owned();
    for word in missing(text, words) {
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(word);
    }
    all
}

fn missing<'w>(text: &str, words: &'w [String]) -> impl Iterator<Item = &'w String> {
    let words = words.iter().enumerate();
    words
        .filter(move |(at, word)| *at >= LOOKED_FOR_MAX || !has_apart(text, word))
        .map(|(_, word)| word)
}

/// What somebody put in the place of a text with words below it: the new text, and each word that is another
/// now, with what it is. None if words are others and the lines aren't as many.
pub(super) fn apart_again<'w>(
    text: &str,
    words: &'w [String],
    new: &str,
) -> Option<(String, Vec<(&'w str, String)>)> {
    let all = below(text, words);
    if let Some(new) = new.strip_suffix(&all[text.len()..]) {
        return Some((new.to_owned(), Vec::new()));
    }
    let lines = |text: &str| text.split('\n').count();
    let mut rest: Vec<&str> = new.split('\n').collect();
    let mut take = |count: usize| -> Option<String> {
        let taken: Vec<&str> = (rest.len() >= count).then(|| rest.drain(..count).collect())?;
        Some(taken.join("\n"))
    };
    let new_text = match text.is_empty() {
        true => String::new(),
        false => take(lines(text))?,
    };
    let mut changed = Vec::new();
    for word in missing(text, words) {
        let now = take(lines(word))?;
        if now != *word {
            changed.push((word.as_str(), now));
        }
    }
    rest.is_empty().then_some((new_text, changed))
}

/// Blocks in which words are others now. None where one is not a string that is read: what a button stands for
/// can't be another.
pub(super) fn replaced(
    blocks: &[serde_json::Value],
    changed: &[(&str, String)],
) -> Option<Vec<serde_json::Value>> {
    fn replace(value: &mut serde_json::Value, changed: &[(&str, String)], unread: &[&str]) {
        match value {
            serde_json::Value::String(text) => {
                let now = changed.iter().find(|(word, _)| text == word);
                if let Some((_, now)) = now {
                    text.clone_from(now);
                }
            }
            serde_json::Value::Array(values) => {
                let values = values.iter_mut();
                values.for_each(|value| replace(value, changed, unread));
            }
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    if name != "value" && !unread.contains(&name.as_str()) {
                        replace(value, changed, unread_in(name, unread));
                    }
                }
            }
            _ => {}
        }
    }
    let mut blocks = blocks.to_vec();
    for block in &mut blocks {
        replace(block, changed, &UNREAD);
    }
    let left = in_blocks(&blocks);
    let is_gone = |word: &str| left.iter().all(|left| left != word);
    changed
        .iter()
        .all(|(word, _)| is_gone(word))
        .then_some(blocks)
}

/// Whether a text has a word, and not only as a part of another one.
pub(super) fn has_apart(text: &str, word: &str) -> bool {
    let ends = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    let mut found = text.match_indices(word).take(LOOKED_FOR_MAX);
    found.any(|(at, _)| {
        ends(text[..at].chars().next_back()) && ends(text[at + word.len()..].chars().next())
    })
}

fn says_something(word: &str, known: &[&str]) -> bool {
    let says_nothing = word.trim().is_empty()
        || known.contains(&word)
        || is_own_id(word)
        || clock::is_date_or_time(word);
    !says_nothing
}

/// Ids of ours that clients pass on: 16 digits of no meaning.
fn is_own_id(text: &str) -> bool {
    text.parse::<MessageId>().is_ok()
        || text.parse::<ChannelKey>().is_ok()
        || text.parse::<FileId>().is_ok()
}

/// Whether the name of a field is such as programs have.
fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What nobody reads in a field of something of which nobody reads `unread`.
fn unread_in<'u>(field: &str, unread: &'u [&'u str]) -> &'u [&'u str] {
    match field {
        MARKS if unread == UNREAD => &UNREAD_IN_MARKS,
        _ => unread,
    }
}

/// Takes a document in, piece by piece.
struct Reader<'w> {
    words: &'w mut Words,
    depth: usize,
    unread: &'static [&'static str],
    /// Whether its numbers are words.
    numbers: bool,
}

impl Reader<'_> {
    fn deeper(&mut self) -> Reader<'_> {
        Reader {
            words: &mut *self.words,
            depth: self.depth + 1,
            unread: self.unread,
            numbers: self.numbers,
        }
    }

    fn number(self, number: impl fmt::Display) {
        if !self.numbers {
            return;
        }
        let number = number.to_string();
        if number.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN {
            self.words.said.push(number);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.words.said.push(text.to_owned());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if !TIMES_MS.contains(&number) {
            self.number(number);
        }
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(self.deeper())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if self.unread.contains(&name.as_ref()) {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            let unread = unread_in(&name, self.unread);
            match self.depth {
                0 => self.words.top.push(name.into_owned()),
                _ => self.words.deep.push(name.into_owned()),
            }
            let mut deeper = self.deeper();
            deeper.unread = unread;
            fields.next_value_seed(deeper)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::UserId;

    fn message(data: &str, view: &str, state: &str) -> Message {
        Message {
            id: MessageId(1),
            channel: ChannelKey(1),
            seq: 1,
            ts: 0,
            sender: UserId::stored("alice"),
            to: None,
            kind: "task".into(),
            data: data.into(),
            view: Some(view.into()),
            state: Some(state.into()),
            attachments: None,
            client_id: None,
            revision: 0,
            edited_at: None,
            deleted_at: None,
        }
    }

    fn made<'a>(data: &'a str, view: &'a str, state: &'a str) -> Made<'a> {
        Made { data, view, state }
    }

    #[test]
    fn what_the_message_holds_is_not_new() {
        let held = message(
            r#"{"title":"Lunch","options":["Pizza"]}"#,
            r#"{"text":"Lunch: Pizza","blocks":[{"type":"button","value":{"to":"done"}}]}"#,
            r#"{"by_user":{"carol":1},"notes":"hm"}"#,
        );
        let nothing = made("null", "{}", "{}");
        let new = |value: &str| new_in_act(&held, &["general", "bob"], value, nothing).join("|");
        for value in [
            "null",
            "1",
            "12",
            "true",
            r#""Pizza""#,
            r#""Lunch: Pizza""#,
            r#"{"to":"done","by":"general"}"#,
            r#"["carol","hm","bob",""," \n\t"]"#,
            r#"["msg_0123456789abcdef","chn_0123456789abcdef","fil_0123456789abcdef"]"#,
            r#"["2026-11-20","2026-11-20T12:00:00Z","2026-11-20T12:00:00.5+02:00"]"#,
        ] {
            assert_eq!(new(value), "", "{value}");
        }
        assert_eq!(new(r#"["a","b",{"a":"c","Pizza":["a"]}]"#), "a|b|c");
        for word in ["pizza", "Piz", "Pizza ", "title", "msg_1", "dave", "12:00"] {
            assert_eq!(new(&Value::from(word).to_string()), word);
        }
        // Of the names of fields only those of the state are words.
        assert_eq!(new(r#"["by_user","options"]"#), "options");
        // One that hides behind its namesake, numbers, and what no program can read.
        assert_eq!(new(r#"{"a":"one","a":"two"}"#), "one|two");
        assert_eq!(new(r#"[1488, -5551234, 0.25]"#), "1488|-5551234|0.25");
        assert_eq!(new(r#"[1e999,"one"]"#), r#"[1e999,"one"]"#);
    }

    #[test]
    fn names_of_fields_are_words_where_they_turn_up() {
        let held = message(r#"{"open":{"a":1}}"#, r#"{"text":"old"}"#, r#"{"done":{}}"#);
        let new = |value: &str, view: &str, state: &str| {
            new_in_act(&held, &[], value, made("null", view, state)).join("|")
        };
        let value = r#"{"slur":1,"old":2,"done":3,"open":4}"#;
        assert_eq!(new(value, r#"{"text":"old"}"#, r#"{"done":{}}"#), "");
        let shown = r#"{"text":"a slur, old, open"}"#;
        assert_eq!(new(value, shown, "{}"), "slur|a slur, old, open");
        assert_eq!(new(value, "{}", r#"{"done":{"slur":1,"open":1}}"#), "slur");
        assert_eq!(new(value, "{}", r#"["slur!"]"#), "slur|slur!");
        // Of so many nobody looks which of them turn up.
        let many: Vec<String> = (0..65).map(|n| format!(r#""n{n}":0"#)).collect();
        let all = new(&format!("{{{}}}", many.join(",")), "{}", "{}");
        assert_eq!(all.split('|').count(), 65);
        // What comes of words together with those that were there is judged with them.
        assert_eq!(new(r#""p""#, "{}", r#"["crap","old"]"#), "p|crap");
    }

    #[test]
    fn of_a_new_message_all_is_words() {
        let written = r#"{"title":"Lunch","answer":"one","by":{"two":1,"Three":2},"n":404,"at":"2026-11-20"}"#;
        let made = made(
            r#"{"title":"Lunch!"}"#,
            r#"{"text":"Lunch","blocks":[{"type":"text","text":"four","style":"muted"}]}"#,
            r#"{"answer":"five","two":7,"own":{}}"#,
        );
        assert_eq!(
            of_new(&["alice"], written, made).join("|"),
            "Lunch|one|404|two|Three|Lunch!|four|five"
        );
    }

    #[test]
    fn numbers_that_nobody_wrote_are_no_words() {
        let made = made(
            r#"{"title":"Lunch","due_at_ms":1796400000000,"seats":12345678}"#,
            r#"{"text":"Lunch","blocks":[{"type":"progress","value":1234567}]}"#,
            r#"{"due_set_ms":1796300000123,"number":5551234567,"at":"2026-12-04T12:30","kept":"five"}"#,
        );
        let written = r#"{"title":"Lunch","due_at_ms":1796400000000,"call":4915112345678}"#;
        assert_eq!(
            of_new(&[], written, made).join("|"),
            "Lunch|4915112345678|five"
        );
        // Written as words they are words, whatever they stand for.
        let spelt = r#"{"title":"1796400000000"}"#;
        assert_eq!(
            of_new(&[], spelt, made).join("|"),
            "1796400000000|Lunch|five"
        );
        let held = message(r#"{"title":"Lunch"}"#, r#"{"text":"Lunch"}"#, "{}");
        assert_eq!(
            new_in_act(&held, &[], r#"["one",1796400000000]"#, made).join("|"),
            "one|five"
        );
    }

    #[test]
    fn what_a_change_takes_away() {
        let before = r#"{"title":"a","for":["dick","bob"],"by":"dick","n":1234}"#;
        let gone = |after: &str| gone(before, after).join("|");
        assert_eq!(gone(before), "");
        assert_eq!(
            gone(r#"{"title":"*","for":["dick","bob"],"by":"dick","n":1234}"#),
            "a"
        );
        assert_eq!(
            gone(r#"{"title":"a","for":["****","bob"],"by":"dick","n":1}"#),
            "1234|dick"
        );
    }

    #[test]
    fn words_that_are_not_shown_are_shown_to_guards() {
        let with = |text: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            below(text, &words)
        };
        assert_eq!(with("○ Call Bob", &["Call Bob"]), "○ Call Bob");
        assert_eq!(with("○ Call Bob", &["Call", "me"]), "○ Call Bob\nme");
        // A part of another word is not the word.
        assert_eq!(with("classic", &["ass"]), "classic\nass");
        assert_eq!(with("classic ass", &["ass"]), "classic ass");
        assert_eq!(with("", &["über", "ber"]), "über\nber");
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let all = below("7 99", &many);
        assert!(all.starts_with("7 99\n0\n1\n2\n3\n4\n5\n6\n8\n"));
        assert!(all.ends_with("\n99"));
    }

    #[test]
    fn what_is_put_in_the_place_of_words_is_told_apart() {
        let words = [
            "a darn".to_owned(),
            "two\nlines".to_owned(),
            "in".to_owned(),
        ];
        let apart = |new: &str| apart_again("in it", &words, new);
        assert_eq!(below("in it", &words), "in it\na darn\ntwo\nlines");
        let same = apart("on it\na darn\ntwo\nlines").unwrap();
        assert_eq!(same, ("on it".to_owned(), Vec::new()));
        let (text, changed) = apart("in it\na ****\ntwo\nl").unwrap();
        assert_eq!(text, "in it");
        let expected = [
            ("a darn", "a ****".to_owned()),
            ("two\nlines", "two\nl".to_owned()),
        ];
        assert_eq!(changed, expected);
        for other in [
            "",
            "in it",
            "in it\na darn\ntwo",
            "in it\na darn\ntwo\nlines\nmore",
        ] {
            assert_eq!(apart(other), None, "{other}");
        }
        let longer = apart("on\nit\na darn\ntwo\nlines").unwrap();
        assert_eq!(longer.0, "on\nit");
        assert_eq!(apart_again("in", &[], "a\nb").unwrap().0, "a\nb");
        assert_eq!(apart_again("", &words[..1], "x").unwrap().1.len(), 1);
    }

    #[test]
    fn words_in_blocks_are_replaced_where_they_are_read() {
        let changed = [("darn", "****".to_owned())];
        let replaced = |block: serde_json::Value| replaced(&[block], &changed);
        let text = |word: &str| serde_json::json!({ "type": "row", "blocks": [{ "type": "text", "text": word }] });
        assert_eq!(replaced(text("darn")), Some(vec![text("****")]));
        let button = serde_json::json!({ "type": "button", "text": "darn", "value": "darn" });
        assert_eq!(replaced(button), None);
        // A piece that is masked is found no more.
        let marked = |word: &str| serde_json::json!({ "type": "text", "text": word, "marks": [{ "text": "darn", "at": 1 }] });
        assert_eq!(replaced(marked("darn")), Some(vec![marked("****")]));
    }

    #[test]
    fn marks_bring_no_words_but_who_is_meant() {
        let found = |marks: &str| {
            let block = format!(
                r#"[{{"type":"text","text":"for @ada","marks":{marks},"for":{{"users":["bob"]}}}}]"#
            );
            of_blocks(&block).said.join("|")
        };
        let time = r#"[{"text":"piece","at":123,"show":"date"}]"#;
        assert_eq!(found(time), "for @ada");
        assert_eq!(found(r#"[{"text":"@ada","user":"ada"}]"#), "for @ada|ada");
        // What is no mark is words.
        assert_eq!(
            found(r#"[{"text":"@ada","say":"one"},"two"]"#),
            "for @ada|one|two"
        );
        assert_eq!(found(r#""three""#), "for @ada|three");
        assert_eq!(of(r#"{"marks":[{"text":"four"}]}"#).said, ["four"]);
    }

    #[test]
    fn all_that_is_shown_in_blocks_is_words() {
        let blocks = serde_json::json!([
            { "type": "text", "text": "one", "style": "muted" },
            { "type": "row", "blocks": [
                { "type": "button", "text": "two", "action": "go", "value": { "deep": ["three"] } },
                { "type": "progress", "text": "four", "value": 0.25 }
            ]},
            { "type": "list", "items": ["five"] },
            { "type": "unheard of", "caption": "six" }
        ]);
        let found = in_blocks(blocks.as_array().unwrap());
        for word in ["one", "two", "three", "four", "0.25", "five", "six"] {
            assert!(found.iter().any(|found| found == word), "{word}: {found:?}");
        }
        for word in ["muted", "go", "row", "unheard of"] {
            assert!(
                !found.iter().any(|found| found == word),
                "{word}: {found:?}"
            );
        }
    }
}
