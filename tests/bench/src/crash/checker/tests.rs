//! One bad history for each anomaly, all made from one good history.

use super::super::history::Ack;
use super::*;

fn message(seq: i64) -> Entry {
    Entry {
        seq,
        event: "message.new".into(),
        id: format!("msg_{seq}"),
        user: "ann".into(),
        client_id: Some(format!("ann-{seq}")),
        text: format!("text {seq}"),
    }
}

fn other(seq: i64, event: &str, user: &str, text: &str) -> Entry {
    Entry {
        seq,
        event: event.into(),
        id: String::new(),
        user: user.into(),
        client_id: None,
        text: text.into(),
    }
}

fn attempt(entry: &Entry) -> Attempt {
    Attempt {
        channel: "room".into(),
        user: entry.user.clone(),
        client_id: entry.client_id.clone().unwrap(),
        text: entry.text.clone(),
        acks: vec![Ack {
            seq: entry.seq,
            id: entry.id.clone(),
            text: entry.text.clone(),
        }],
        refused: None,
    }
}

/// A member comes, sends five messages, is greeted; one reader watches from the start and comes back
/// once, one comes late.
fn good() -> History {
    let mut entries = vec![other(1, "member.added", "ann", "")];
    entries.extend((2..=6).map(message));
    entries.push(other(7, "message.new", "bot:assistant", "Hello ann"));
    let subscribed = |since, head| Step::Subscribed {
        since,
        recovered: true,
        head,
    };
    let seen = |range: std::ops::RangeInclusive<usize>| {
        range.map(|seq| Step::Seen(entries[seq - 1].clone()))
    };
    let mut early = vec![subscribed(Some(0), 0)];
    early.extend(seen(1..=4));
    early.push(subscribed(Some(4), 6));
    early.extend(seen(5..=7));
    let mut late = vec![subscribed(None, 5)];
    late.extend(seen(6..=7));
    let stream = |reader: &str, steps| Stream {
        reader: reader.into(),
        channel: "room".into(),
        steps,
    };
    History {
        attempts: entries[1..6].iter().map(attempt).collect(),
        streams: vec![stream("early", early), stream("late", late)],
        logs: vec![Log {
            channel: "room".into(),
            head: 7,
            entries,
        }],
        effects: vec![Effect {
            channel: "room".into(),
            text: "Hello ann".into(),
        }],
    }
}

fn verdict(spoil: impl FnOnce(&mut History)) -> Anomaly {
    let mut history = good();
    spoil(&mut history);
    let found = check(&history).unwrap_err();
    assert!(!found.what.is_empty() && found.channel == "room");
    found.anomaly
}

fn entries(history: &mut History) -> &mut Vec<Entry> {
    &mut history.logs[0].entries
}

#[test]
fn a_good_history_is_good() {
    let checked = check(&good()).unwrap();
    let expected = Checked {
        entries: 7,
        acks: 5,
        replays: 0,
        seen: 9,
        resumes: 1,
        effects: 1,
    };
    assert_eq!(checked, expected);
}

#[test]
fn a_retry_that_is_told_the_same_is_good() {
    let mut history = good();
    let again = history.attempts[2].acks[0].clone();
    history.attempts[2].acks.push(again);
    assert_eq!(check(&history).unwrap().replays, 1);
}

#[test]
fn gap() {
    assert_eq!(
        verdict(|history| drop(entries(history).remove(3))),
        Anomaly::Gap
    );
    assert_eq!(verdict(|history| history.logs[0].head = 8), Anomaly::Gap);
    assert_eq!(
        verdict(|history| drop(entries(history).pop())),
        Anomaly::Gap
    );
}

#[test]
fn lost() {
    // Acknowledged as the last, then the log went on without it.
    let lost = |history: &mut History| history.attempts.push(attempt(&message(8)));
    assert_eq!(verdict(lost), Anomaly::Lost);
}

#[test]
fn ack_mismatch() {
    assert_eq!(
        verdict(|history| history.attempts[1].acks[0].seq = 2),
        Anomaly::AckMismatch
    );
    assert_eq!(
        verdict(|history| history.attempts[1].acks[0].id = "msg_9".into()),
        Anomaly::AckMismatch
    );
    assert_eq!(
        verdict(|history| history.attempts[1].acks[0].text = "text".into()),
        Anomaly::AckMismatch
    );
    // The retry was told something else than the first time.
    let second = |history: &mut History| {
        let ack = Ack {
            seq: 6,
            ..history.attempts[1].acks[0].clone()
        };
        history.attempts[1].acks.push(ack);
    };
    assert_eq!(verdict(second), Anomaly::AckMismatch);
}

#[test]
fn duplicate() {
    let duplicate = |history: &mut History| {
        let again = Entry {
            seq: 8,
            id: "msg_8".into(),
            ..message(3)
        };
        entries(history).push(again);
        history.logs[0].head = 8;
    };
    assert_eq!(verdict(duplicate), Anomaly::Duplicate);
}

#[test]
fn phantom() {
    assert_eq!(
        verdict(|history| drop(history.attempts.remove(0))),
        Anomaly::Phantom
    );
    assert_eq!(
        verdict(|history| entries(history)[2].text = "changed".into()),
        Anomaly::Phantom
    );
    assert_eq!(
        verdict(|history| entries(history)[2].client_id = None),
        Anomaly::Phantom
    );
    let refused = |history: &mut History| {
        history.attempts[0].acks.clear();
        history.attempts[0].refused = Some("message_rejected".into());
    };
    assert_eq!(verdict(refused), Anomaly::Phantom);
}

#[test]
fn stuck() {
    assert_eq!(
        verdict(|history| history.attempts[0].acks.clear()),
        Anomaly::Stuck
    );
}

#[test]
fn fork() {
    let shown_another = |history: &mut History| {
        history.streams[0].steps[2] = Step::Seen(Entry {
            id: "msg_9".into(),
            ..message(2)
        });
    };
    assert_eq!(verdict(shown_another), Anomaly::Fork);
    // It was shown what a crash then took back.
    let taken_back = |history: &mut History| history.streams[1].steps.push(Step::Seen(message(8)));
    assert_eq!(verdict(taken_back), Anomaly::Fork);
}

#[test]
fn skip() {
    assert_eq!(
        verdict(|history| drop(history.streams[0].steps.remove(3))),
        Anomaly::Skip
    );
    // The answer to a resume leaves something out.
    assert_eq!(
        verdict(|history| drop(history.streams[0].steps.remove(6))),
        Anomaly::Skip
    );
    // What came between the answer and the first live event is missing.
    assert_eq!(
        verdict(|history| drop(history.streams[1].steps.remove(1))),
        Anomaly::Skip
    );
}

#[test]
fn repeat() {
    let twice = |history: &mut History| {
        let step = history.streams[0].steps[3].clone();
        history.streams[0].steps.insert(4, step);
    };
    assert_eq!(verdict(twice), Anomaly::Repeat);
}

#[test]
fn not_recovered() {
    let refused = |history: &mut History| {
        history.streams[0].steps[5] = Step::Subscribed {
            since: Some(4),
            recovered: false,
            head: 6,
        };
    };
    assert_eq!(verdict(refused), Anomaly::NotRecovered);
}

#[test]
fn unobserved() {
    assert_eq!(
        verdict(|history| drop(history.streams[1].steps.pop())),
        Anomaly::Unobserved
    );
    assert_eq!(
        verdict(|history| history.streams[1].steps.clear()),
        Anomaly::Unobserved
    );
}

#[test]
fn effects() {
    let missing = |history: &mut History| history.effects[0].text = "Hello bob".into();
    assert_eq!(verdict(missing), Anomaly::EffectMissing);
    let twice = |history: &mut History| {
        entries(history).push(other(8, "message.new", "bot:assistant", "Hello ann"));
        history.logs[0].head = 8;
        for stream in &mut history.streams {
            let entry = other(8, "message.new", "bot:assistant", "Hello ann");
            stream.steps.push(Step::Seen(entry));
        }
    };
    assert_eq!(verdict(twice), Anomaly::EffectTwice);
}

#[test]
fn what_is_found_is_shown_with_its_neighbours() {
    let mut history = good();
    entries(&mut history)[2].text = "changed".into();
    let shown = check(&history).unwrap_err().to_string();
    assert!(
        shown.starts_with("Phantom in channel room: what was sent is \"text 3\""),
        "{shown}"
    );
    assert!(
        shown.contains("> 3 message.new msg_3 ann ann-3 \"changed\"")
            && shown.contains("  4 message.new")
    );
}
