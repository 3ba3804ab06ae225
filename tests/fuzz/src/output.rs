//! What a guest returns is taken as the contract has it or is a fault: sentences cut to their length,
//! documents whole and readable by everybody, nothing over its limit. What was taken is taken again as it
//! is.

mod answer;
mod expected;

use std::sync::Arc;

use althing::plugins::{Call, Chat, FaultKind};
use arbitrary::{Arbitrary as _, Unstructured};
use serde::Serialize;

use crate::puppet;
use crate::world::{World, block_on};
use answer::Answer;

#[derive(Serialize)]
struct Strings<'a> {
    answer: &'a Answer,
}

/// Has the puppet return something, and then what came of it.
pub fn run(bytes: &[u8]) {
    let Ok(answer) = Answer::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let expected = expected::check(answer.clone());
    let came = returned(&answer);
    assert_eq!(came, expected, "of {answer:?}");
    if let Some(taken) = came {
        let again = returned(&taken);
        assert_eq!(again.as_ref(), Some(&taken), "taken once, not again");
    }
}

/// What comes of it; none if it doesn't fit.
fn returned(answer: &Answer) -> Option<Answer> {
    let install = puppet::install(&Strings { answer });
    let context = puppet::context();
    let chat: Arc<dyn Chat> = Arc::new(World::default());
    let call = Call {
        install: &install,
        chat: &chat,
        context: &context,
    };
    match block_on(answer.call(call)) {
        Ok(value) => Some(value),
        Err(fault) => {
            assert_eq!(fault.kind, FaultKind::BadOutput, "{fault}");
            None
        }
    }
}
