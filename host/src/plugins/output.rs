//! Checks what hooks return. What people read is cut to its length: a guard's refusal must not turn
//! into a fault, and then perhaps into a pass, because it quoted too much. What programs read is
//! taken whole or not at all.

use super::document::Readable;
use super::limits::Limits;
use super::types::{
    CheckedSetting, Choice, Created, EndpointResponse, Patch, Rejection, Reply, Shown, Verdict,
    View,
};

/// A rejection's code, as the contract has it.
const CODE_BYTES_MAX: usize = 64;

/// What a hook returns. The error says what doesn't fit.
pub(super) trait Returned {
    fn check(&mut self, limits: &Limits) -> Result<(), String>;
}

/// Cuts a text to at most `bytes_max` bytes, between characters.
pub(super) fn cut(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

fn cut_sentence(text: &mut String, limits: &Limits) {
    cut(text, limits.sentence_bytes_max as usize);
}

/// A sentence, and after a line break what is for reviewers, each of its length.
fn cut_reason(text: &mut String, limits: &Limits) {
    if let Some((sentence, details)) = text.split_once('\n') {
        let (mut sentence, mut details) = (sentence.to_owned(), details.to_owned());
        cut_sentence(&mut sentence, limits);
        cut_sentence(&mut details, limits);
        *text = format!("{sentence}\n{details}");
    } else {
        cut_sentence(text, limits);
    }
}

fn check_bytes(name: &str, text: &str, limits: &Limits) -> Result<(), String> {
    let bytes_max = limits.output_bytes_max as usize;
    if text.len() > bytes_max {
        return Err(format!(
            "{name} has {} bytes; at most {bytes_max}",
            text.len()
        ));
    }
    Ok(())
}

fn check_json(name: &str, text: &str, limits: &Limits) -> Result<(), String> {
    check_bytes(name, text, limits)?;
    match serde_json::from_str::<Readable>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{name} is not JSON: {error}")),
    }
}

fn check_blocks(text: &str, limits: &Limits) -> Result<(), String> {
    check_bytes("blocks", text, limits)?;
    if text.is_empty() {
        return Ok(());
    }
    match serde_json::from_str::<Vec<Readable>>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("blocks is not a JSON array: {error}")),
    }
}

impl Returned for Verdict {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        match self {
            Self::Allow => Ok(()),
            Self::Change(patch) => patch.check(limits),
            Self::Reject(rejection) => rejection.check(limits),
            Self::Hold(reason) => {
                cut_reason(reason, limits);
                Ok(())
            }
        }
    }
}

impl Returned for Patch {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        if let Some(text) = &self.text {
            check_bytes("the patch's text", text, limits)?;
        }
        match &self.data {
            Some(data) => check_json("the patch's data", data, limits),
            None => Ok(()),
        }
    }
}

impl Returned for Rejection {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        cut_reason(&mut self.reason, limits);
        let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let fits = (1..=CODE_BYTES_MAX).contains(&self.code.len());
        if fits && self.code.bytes().all(is_plain) {
            return Ok(());
        }
        Err("the rejection's code is not 1 to 64 lower-case letters, digits and `_`".into())
    }
}

impl Returned for () {
    fn check(&mut self, _: &Limits) -> Result<(), String> {
        Ok(())
    }
}

/// A guard's leave, or its refusal.
impl Returned for Result<(), Rejection> {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        match self {
            Ok(()) => Ok(()),
            Err(rejection) => rejection.check(limits),
        }
    }
}

impl Returned for EndpointResponse {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("the status is {}, not 200 to 599", self.status));
        }
        let bytes_max = limits.endpoint_body_bytes_max as usize;
        if self.body.len() > bytes_max {
            let bytes = self.body.len();
            return Err(format!("the body has {bytes} bytes; at most {bytes_max}"));
        }
        Ok(())
    }
}

/// Places in a list. Which there are only the caller knows.
impl Returned for Vec<u32> {
    fn check(&mut self, _: &Limits) -> Result<(), String> {
        Ok(())
    }
}

impl Returned for Vec<CheckedSetting> {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        self.truncate(limits.choices_max as usize);
        for fault in self {
            cut_sentence(&mut fault.setting, limits);
            cut_sentence(&mut fault.detail, limits);
        }
        Ok(())
    }
}

impl<T: Returned> Returned for Option<T> {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        self.as_mut().map_or(Ok(()), |value| value.check(limits))
    }
}

/// The error is a sentence for a person.
impl<T: Returned> Returned for Result<T, String> {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        match self {
            Ok(value) => value.check(limits),
            Err(sentence) => {
                cut_sentence(sentence, limits);
                Ok(())
            }
        }
    }
}

impl Returned for Reply {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        check_bytes("the reply's text", &self.text, limits)?;
        check_blocks(&self.blocks, limits)
    }
}

impl Returned for Vec<Choice> {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        self.truncate(limits.choices_max as usize);
        for choice in self {
            cut_sentence(&mut choice.label, limits);
            check_bytes("a choice's value", &choice.value, limits)?;
        }
        Ok(())
    }
}

impl Returned for Created {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        check_json("the data", &self.data, limits)?;
        self.shown.check(limits)
    }
}

impl Returned for Shown {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        check_json("the state", &self.state, limits)?;
        self.view.check(limits)
    }
}

impl Returned for View {
    fn check(&mut self, limits: &Limits) -> Result<(), String> {
        check_bytes("the view's text", &self.text, limits)?;
        check_blocks(&self.blocks, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::{Returned, cut};
    use crate::plugins::{Limits, Patch, Rejection, Reply, Verdict};

    #[test]
    fn sentences_are_cut_between_characters() {
        let mut text = "aéé".to_owned();
        cut(&mut text, 4);
        assert_eq!(text, "aé");
    }

    #[test]
    fn a_long_refusal_is_still_a_refusal() {
        let mut verdict = Verdict::Reject(Rejection {
            code: "spam".into(),
            reason: "é".repeat(1_000),
            retry_after_ms: None,
        });
        assert_eq!(verdict.check(&Limits::default()), Ok(()));
        let Verdict::Reject(rejection) = verdict else {
            panic!("still a rejection");
        };
        assert_eq!(rejection.reason.len(), 500);
    }

    #[test]
    fn documents_must_be_json() {
        let limits = Limits::default();
        let patch = |data: &str| Patch {
            text: None,
            data: Some(data.into()),
        };
        assert!(patch("{\"a\":1}").check(&limits).is_ok());
        assert!(patch("{\"a\":").check(&limits).is_err());
        assert!(patch("1e999").check(&limits).is_err());
        let reply = |blocks: &str| Reply {
            text: String::new(),
            blocks: blocks.into(),
        };
        assert!(reply("").check(&limits).is_ok());
        assert!(reply("[{}]").check(&limits).is_ok());
        assert!(reply("{}").check(&limits).is_err());
    }
}
