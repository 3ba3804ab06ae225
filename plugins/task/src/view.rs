//! How a task is shown: the same to everybody, with buttons that say for whom they are. Who may press which is
//! decided when it is pressed.

use althing_plugin::blocks::{Block, button, divider, heading, muted, progress, row, select, text};
use althing_plugin::when::Clock;
use althing_plugin::{View, blocks, to_json};

use crate::settings::Settings;
use crate::task::{Priority, Status, Task};

/// All ticks together name so many bytes of users at most: a message holds only so much, and those of a long list
/// for many are shown to everybody.
const TICK_READERS_BYTES_MAX: usize = 4_000;

/// Blocks with buttons, and a text that says the same.
pub fn view(task: &Task, settings: &Settings) -> View {
    let clock = settings.clock(0);
    let involved = task.involved();
    let notes = muted(notes(task, &clock)).users(&involved);
    let times = [task.due_at_ms, task.snoozed_until_ms]
        .into_iter()
        .flatten();
    let notes = times.fold(notes, |notes, at| {
        notes.date_time(date_and_time(at, &clock), at)
    });
    let mut shown = vec![heading(title(task)), notes];
    if !task.notes.is_empty() {
        shown.push(text(&task.notes));
    }
    if !task.items.is_empty() {
        let done = task.items.iter().filter(|item| item.done).count();
        let share = done as f64 / task.items.len() as f64;
        let bar = progress("Checklist", share).detail(format!("{done} of {}", task.items.len()));
        shown.push(bar.into());
    }
    let named = to_json(&involved).len();
    for item in &task.items {
        let (mark, label) = if item.done {
            ("☑", "Undo")
        } else {
            ("☐", "Tick")
        };
        let tick = althing_plugin::json!({ "item": item.id, "done": !item.done });
        let tick = button(label, "tick").value(tick);
        let tick = match task.items.len() * named <= TICK_READERS_BYTES_MAX {
            true => tick.for_users(involved.iter().copied()).for_admins(),
            false => tick,
        };
        shown.push(row(blocks![text(format!("{mark} {}", item.text)), tick]));
    }
    shown.push(divider());
    shown.push(row(buttons(task, &involved)));
    if task.status != Status::Done {
        shown.push(row(later(task, &involved)));
    }
    View::new(words(task, &clock), shown)
}

fn buttons(task: &Task, involved: &[&String]) -> Vec<Block> {
    let status = |label: &str, to: &str| {
        let status = button(label, "status").value(to);
        status.for_users(involved.iter().copied()).for_admins()
    };
    match task.status {
        Status::Open => blocks![
            button("Take", "take"),
            status("Start", "doing"),
            status("Done", "done").primary(),
        ],
        Status::Doing => blocks![
            button("Take", "take"),
            status("Done", "done").primary(),
            status("Put back", "open"),
        ],
        Status::Done => blocks![status("Open again", "open")],
    }
}

/// For whoever is told of it at a bad time, and for whoever has had enough of a task that comes again and again.
fn later(task: &Task, involved: &[&String]) -> Vec<Block> {
    let remind = select("snooze").placeholder("Remind later …");
    let remind = remind
        .option("In 1 hour", "in 1 hour")
        .option("Tomorrow at 9:00", "tomorrow 9:00")
        .option("Next week", "monday 9:00");
    let mut blocks = blocks![remind.for_users(involved.iter().copied()).for_admins()];
    if task.repeat.is_some() {
        let maker = (!task.created_by.is_empty()).then_some(&task.created_by);
        let stop = button("Stop repeating", "repeat");
        blocks.push(stop.for_users(maker).for_admins().into());
    }
    blocks
}

/// `✓ Send the offer`
fn title(task: &Task) -> String {
    let mark = match task.status {
        Status::Open => "○",
        Status::Doing => "◐",
        Status::Done => "✓",
    };
    format!("{mark} {}", task.title)
}

/// `high priority · due 2026-11-20 17:00 Europe/Berlin · for @bob and @carol · by @alice`
fn notes(task: &Task, clock: &Clock) -> String {
    let mut notes = vec![
        match task.status {
            Status::Open => "open",
            Status::Doing => "under way",
            Status::Done => "done",
        }
        .to_owned(),
    ];
    match task.priority {
        Priority::High => notes.push("high priority".to_owned()),
        Priority::Low => notes.push("low priority".to_owned()),
        Priority::Normal => {}
    }
    if let Some(due) = task.due_at_ms {
        notes.push(format!("due {}", date_and_time(due, clock)));
    }
    if let Some(repeat) = &task.repeat {
        notes.push(repeat.rule.words());
    }
    match task.done_times {
        0 => {}
        1 => notes.push("done once".to_owned()),
        times => notes.push(format!("done {times} times")),
    }
    if let Some(until_ms) = task.snoozed_until_ms {
        notes.push(format!("reminder {}", date_and_time(until_ms, clock)));
    }
    notes.push(match task.assignees.as_slice() {
        [] => "for whoever takes it".to_owned(),
        people => format!("for {}", names(people)),
    });
    if !task.created_by.is_empty() {
        notes.push(format!("by @{}", task.created_by));
    }
    notes.join(" · ")
}

fn words(task: &Task, clock: &Clock) -> String {
    let mut text = format!("{}\n{}", title(task), notes(task, clock));
    if !task.notes.is_empty() {
        text.push('\n');
        text.push_str(&task.notes);
    }
    for item in &task.items {
        let mark = if item.done { 'x' } else { ' ' };
        text.push_str(&format!("\n[{mark}] {}", item.text));
    }
    text
}

/// A task in one line of a list: `Send the offer (tomorrow at 17:00, @bob)`, with its time as `when` says it.
pub fn line(task: &Task, when: impl FnOnce(u64) -> String) -> String {
    let mut about: Vec<String> = task.due_at_ms.map(when).into_iter().collect();
    if !task.assignees.is_empty() {
        about.push(names(&task.assignees));
    }
    match about.is_empty() {
        true => title(task),
        false => format!("{} ({})", title(task), about.join(", ")),
    }
}

/// `@alice, @bob and @carol`.
pub fn names(people: &[String]) -> String {
    let names: Vec<String> = people.iter().map(|user| format!("@{user}")).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `today at 17:00 Europe/Berlin`: what stands alone says where.
pub fn time_and_zone(at_ms: u64, clock: &Clock) -> String {
    let at = clock.describe(i64::try_from(at_ms).unwrap_or(i64::MAX));
    format!("{at} {}", clock.zone())
}

/// `2026-11-20 17:00 Europe/Berlin`: the same words whenever they are read.
fn date_and_time(at_ms: u64, clock: &Clock) -> String {
    use althing_plugin::dates::{DAY_MS, date_of, day_of};
    let local = clock.zone().local(i64::try_from(at_ms).unwrap_or(i64::MAX));
    let minutes = local.rem_euclid(DAY_MS) / 60_000;
    let (date, zone) = (date_of(day_of(local)), clock.zone());
    format!("{date} {:02}:{:02} {zone}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{Value, json, parse_json};

    use super::*;
    use crate::task::Item;

    fn task() -> Task {
        Task {
            created_by: "alice".into(),
            title: "Send the offer".into(),
            assignees: vec!["bob".into(), "carol".into()],
            due_at_ms: Some(1_795_190_400_000),
            priority: Priority::High,
            ..Task::default()
        }
    }

    #[test]
    fn words_and_blocks_say_the_same() {
        let settings = Settings {
            time_zone: "Europe/Berlin".into(),
            ..Settings::default()
        };
        let mut task = task();
        task.items.push(Item {
            id: 1,
            text: "Ask Carol".into(),
            done: true,
        });
        task.notes = "The new\nprices".into();
        let view = view(&task, &settings);
        assert_eq!(
            view.text,
            "○ Send the offer\nopen · high priority · due 2026-11-20 17:00 Europe/Berlin · for @bob and \
             @carol · by @alice\nThe new\nprices\n[x] Ask Carol"
        );
        let blocks: Value = parse_json(&view.blocks).unwrap();
        let involved = json!({"users": ["alice", "bob", "carol"], "role": "admin"});
        assert_eq!(
            blocks,
            json!([
                {"type": "text", "text": "○ Send the offer", "style": "heading"},
                {"type": "text", "text": "open · high priority · due 2026-11-20 17:00 Europe/Berlin · for \
                  @bob and @carol · by @alice", "style": "muted", "marks": [
                    {"text": "@alice", "user": "alice"}, {"text": "@bob", "user": "bob"},
                    {"text": "@carol", "user": "carol"},
                    {"text": "2026-11-20 17:00 Europe/Berlin", "at": 1_795_190_400_000_u64, "show": "date_time"}]},
                {"type": "text", "text": "The new\nprices"},
                {"type": "progress", "text": "Checklist", "value": 1.0, "detail": "1 of 1"},
                {"type": "row", "blocks": [
                    {"type": "text", "text": "☑ Ask Carol"},
                    {"type": "button", "text": "Undo", "action": "tick", "value": {"item": 1, "done": false},
                     "for": involved}]},
                {"type": "divider"},
                {"type": "row", "blocks": [
                    {"type": "button", "text": "Take", "action": "take"},
                    {"type": "button", "text": "Start", "action": "status", "value": "doing", "for": involved},
                    {"type": "button", "text": "Done", "action": "status", "value": "done", "style": "primary",
                     "for": involved}]},
                {"type": "row", "blocks": [
                    {"type": "select", "action": "snooze", "placeholder": "Remind later …", "options": [
                        {"text": "In 1 hour", "value": "in 1 hour"},
                        {"text": "Tomorrow at 9:00", "value": "tomorrow 9:00"},
                        {"text": "Next week", "value": "monday 9:00"}], "for": involved}]},
            ])
        );
    }

    #[test]
    fn what_repeats_and_what_is_snoozed_says_so() {
        let mut task = task();
        let rule = althing_plugin::recurrence::Rule::read("every 2 weeks")
            .unwrap()
            .0;
        let clock = Clock::new(0, 0);
        task.repeat = crate::repeat::Repeat::new(rule, task.due_at_ms, &clock).ok();
        (task.done_times, task.snoozed_until_ms) = (2, Some(1_795_251_600_000));
        let view = view(&task, &Settings::default());
        let words = "due 2026-11-20 16:00 UTC · every 2 weeks · done 2 times · reminder 2026-11-21 09:00 UTC · for";
        assert!(view.text.contains(words), "{}", view.text);
        assert!(
            view.blocks
                .contains(r#""text":"Stop repeating","action":"repeat""#)
        );
        task.status = Status::Done;
        let done = super::view(&task, &Settings::default());
        assert!(!done.blocks.contains("snooze") && !done.blocks.contains("Stop"));
    }

    #[test]
    fn ticks_of_a_long_list_for_many_name_nobody() {
        let mut task = task();
        let item = |id| Item {
            id,
            text: "One more".into(),
            done: false,
        };
        let named = |task: &Task| {
            let blocks = view(task, &Settings::default()).blocks;
            blocks.matches("\"for\"").count()
        };
        task.items = (1..50).map(item).collect();
        assert_eq!(named(&task), 49 + 3);
        task.assignees = (0..10).map(|n| format!("somebody-{n}")).collect();
        assert_eq!(named(&task), 3);
    }

    #[test]
    fn a_line_names_what_matters() {
        let when = |_| "today at 16:00".to_owned();
        assert_eq!(
            line(&task(), when),
            "○ Send the offer (today at 16:00, @bob and @carol)"
        );
        let done = Task {
            status: Status::Done,
            title: "Rest".into(),
            ..Task::default()
        };
        assert_eq!(line(&done, when), "✓ Rest");
        assert!(
            !view(&done, &Settings::default())
                .blocks
                .contains("\"Done\"")
        );
    }
}
