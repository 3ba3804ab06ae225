//! The rules as a tenant and a sender meet them. Counting needs a host; it is tested there.

use althing_plugin::prelude::*;

use crate::judge::{Judgement, judge};
use crate::rules::Rules;
use crate::settings::Settings;
use crate::{by_content, rewrite_data};

fn rules(written: Value) -> Rules {
    Rules::new(settings(written).with(&[]))
}

fn settings(written: Value) -> Settings {
    parse_json(&written.to_string()).unwrap()
}

fn channel(id: &str, channel_type: &str) -> Context {
    Context {
        channel: id.into(),
        channel_type: channel_type.into(),
        ..Context::default()
    }
}

fn rewritten(settings: Value, text: &str) -> String {
    match judge(&rules(settings), text) {
        Judgement::Rewrite(text) => text,
        other => panic!("{other:?}"),
    }
}

fn rejected(settings: Value, text: &str) -> (&'static str, String) {
    match judge(&rules(settings), text) {
        Judgement::Reject(fault) => (fault.code, fault.reason),
        other => panic!("{other:?}"),
    }
}

fn is_fine(settings: Value, text: &str) -> bool {
    judge(&rules(settings), text) == Judgement::Fine
}

#[test]
fn masks_keep_the_length() {
    let settings = json!({"words": [{"words": ["darn", "bloody hell"]}]});
    assert_eq!(
        rewritten(settings.clone(), "Well DARN, bloody  hell! Darned."),
        "Well ****, ************! Darned."
    );
    assert_eq!(rewritten(settings, "d\u{200b}arn ＤＡＲＮ"), "***** ****");
    let umlaut = json!({"words": [{"words": ["MÜLL"]}]});
    assert_eq!(rewritten(umlaut, "so ein müll 🙂"), "so ein **** 🙂");
}

#[test]
fn refusals_say_what_was_wrong() {
    let settings = json!({"words": [
        {"words": ["spam"], "action": "reject"},
        {"words": ["scam"], "action": "reject", "match": "anywhere", "reason": "No scams, please."},
    ]});
    assert_eq!(
        rejected(settings.clone(), "buy SPAM"),
        ("word_not_allowed", "“spam” isn't allowed here.".into())
    );
    assert_eq!(rejected(settings.clone(), "scammer").1, "No scams, please.");
    assert!(is_fine(settings, "spammer"));
}

#[test]
fn the_strictest_action_wins() {
    let settings = json!({"words": [
        {"words": ["a1"], "action": "mask"},
        {"words": ["b1"], "action": "hold"},
        {"words": ["c1"], "action": "reject"},
    ]});
    assert!(matches!(
        judge(&rules(settings.clone()), "a1 b1"),
        Judgement::Hold(_)
    ));
    assert!(matches!(
        judge(&rules(settings), "a1 b1 c1"),
        Judgement::Reject(_)
    ));
}

#[test]
fn patterns_find_what_lists_cannot() {
    let settings = json!({"patterns": [
        {"name": "phone numbers", "pattern": r"\+?\d[\d -]{6,}\d", "action": "reject"},
        {"pattern": "discord\\.gg/\\w+"},
    ]});
    assert_eq!(
        rejected(settings.clone(), "call 0171 555 1234").1,
        "Not allowed here: phone numbers."
    );
    assert_eq!(
        rewritten(settings, "join DISCORD.gg/abc now"),
        "join ************** now"
    );
}

#[test]
fn links_go_by_their_domain() {
    let listed = json!({"links": "allow_listed", "link_domains": ["example.com"]});
    assert!(is_fine(
        listed.clone(),
        "https://docs.example.com/a and no link"
    ));
    assert_eq!(
        rejected(listed.clone(), "https://example.com@evil.org/").1,
        "Links to evil.org aren't allowed here."
    );
    assert_eq!(
        rejected(listed, "https://[::1]/").1,
        "Links aren't allowed here."
    );
    let masked = json!({"links": "block_all", "link_action": "mask"});
    assert_eq!(rewritten(masked, "see a.com, ok"), "see *****, ok");
}

#[test]
fn shouting_and_length_have_limits() {
    let settings = json!({"capitals_percent": 60, "capitals_min_letters": 5, "max_characters": 12});
    assert_eq!(rewritten(settings.clone(), "STOP IT ÄÖ"), "stop it äö");
    assert!(is_fine(settings.clone(), "OK. Fine"));
    assert!(is_fine(settings.clone(), "äöüäöüäöüäöü"));
    let (code, reason) = rejected(settings, "much too long for here");
    assert_eq!(code, "too_long");
    assert_eq!(
        reason,
        "Your message has 22 characters; 12 are the most here."
    );
}

#[test]
fn channels_can_have_other_rules() {
    let settings = settings(json!({
        "words": [
            {"name": "mild", "words": ["darn"]},
            {"name": "kids", "words": ["silly"], "everywhere": false},
        ],
        "flood_messages": 10,
        "overrides": [
            {"channels": ["kids"], "words": ["mild", "kids"], "flood_messages": 3},
            {"channel_types": ["livestream"], "flood_messages": 1, "links": "block_all"},
            {"channels": ["adults"], "words": []},
        ],
    }));
    let judged = |channel_id: &str, channel_type: &str, text: &str| {
        let overrides = settings.overrides_for(&channel(channel_id, channel_type));
        let rules = Rules::new(settings.with(&overrides));
        let is_faulty = judge(&rules, text) != Judgement::Fine;
        (is_faulty, rules.settings.flood_messages)
    };
    assert_eq!(judged("any", "messaging", "darn"), (true, 10));
    assert_eq!(judged("any", "messaging", "silly"), (false, 10));
    assert_eq!(judged("kids", "messaging", "silly"), (true, 3));
    assert_eq!(judged("kids", "livestream", "a.com"), (true, 3));
    assert_eq!(judged("any", "livestream", "a.com"), (true, 1));
    assert_eq!(judged("adults", "messaging", "darn"), (false, 10));
}

#[test]
fn roles_can_be_exempt() {
    let chosen = settings(json!({"exempt": ["plugin"]}));
    assert!(chosen.exempts(Role::Plugin));
    assert!(!chosen.exempts(Role::Admin));
    assert!(settings(json!({})).exempts(Role::Server));
    // Whoever makes a channel is its owner.
    assert!(!settings(json!({})).exempts(Role::Owner));
    assert!(!settings(json!({})).exempts(Role::Member));
}

#[test]
fn data_of_kinds_is_masked_inside() {
    let settings = rules(json!({"words": [{"words": ["darn"]}]}));
    let poll = |question: &str| Draft {
        kind: "poll".into(),
        text: format!("{question} — Yes 0, No 0"),
        data: json!({"question": question, "options": ["Yes", "No"],
            "image": "https://example.com/darn.png"})
        .to_string(),
    };
    let Verdict::Change(patch) = by_content(&settings, &poll("Darn it?")).0 else {
        panic!("not changed");
    };
    let data: Value = parse_json(&patch.data.unwrap()).unwrap();
    assert_eq!(data["question"], "**** it?");
    assert_eq!(data["image"], "https://example.com/darn.png");
    assert!(matches!(
        by_content(&settings, &poll("Fine?")).0,
        Verdict::Allow
    ));
    // Nothing to mask in the data: only the text as shown has it.
    assert!(matches!(
        rewrite_data(&settings, &poll("Fine?")),
        Verdict::Reject(_)
    ));
}

#[test]
fn the_manifest_and_the_code_have_the_same_defaults() {
    let manifest: Value = toml::from_str(include_str!("../plugin.toml")).unwrap();
    let properties = manifest["config"]["properties"].as_object().unwrap();
    let defaults: Value = properties
        .iter()
        .map(|(name, schema)| (name.clone(), schema["default"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(settings(defaults), Settings::default());
    assert_eq!(settings(json!({})), Settings::default());
}

#[test]
fn masks_cover_what_was_written() {
    let settings = json!({"words": [{"words": ["darn", "free money"]}]});
    for (written, masked) in [
        ("d4rn!", "****!"),
        ("so d.a.r.n it", "so ******* it"),
        ("dаrn 𝗗𝗔𝗥𝗡", "**** ****"),
        ("daaaarn darn", "******* ****"),
        ("fr33 m0n3y", "**********"),
    ] {
        assert_eq!(rewritten(settings.clone(), written), masked);
    }
}

#[test]
fn disguises_can_be_left_alone() {
    let words = json!([{"words": ["darn"]}]);
    for (disguise, written) in [
        ("lookalikes", "dаrn"),
        ("leetspeak", "d4rn"),
        ("spacing", "d-a-r-n"),
        ("stretching", "daaarn"),
    ] {
        let all = ["lookalikes", "leetspeak", "spacing", "stretching"];
        let others: Vec<_> = all.iter().filter(|other| **other != disguise).collect();
        let with = |disguises: Value| json!({"words": words, "disguises": disguises});
        assert!(is_fine(with(json!(others)), written), "{disguise}");
        assert!(!is_fine(with(json!([disguise])), written), "{disguise}");
    }
}

#[test]
fn spam_is_told_from_talk() {
    let settings = |action: &str, sensitivity: &str| json!({"spam_action": action, "spam_sensitivity": sensitivity});
    for spam in [
        "WINNER!! As a valued customer you have been selected to receive a £900 prize! Call 09061701461 now",
        "URGENT! Your mobile number has won a £2000 bonus caller prize. Call 0800 123 4567 to claim",
        "Free entry in our weekly competition, text WIN to 80086 now. T&Cs apply, 18+",
    ] {
        let (code, reason) = rejected(settings("reject", "low"), spam);
        assert_eq!(
            (code, reason.as_str()),
            ("looks_like_spam", "This looks like spam.")
        );
        assert!(matches!(
            judge(&rules(settings("hold", "low")), spam),
            Judgement::Hold(_)
        ));
        assert!(is_fine(settings("count", "low"), spam));
        assert!(is_fine(settings("off", "high"), spam));
    }
    for talk in [
        "ok see you at 7, bring the keys",
        "can somebody review https://github.com/example/repo/pull/1234 please?",
        "sudo apt-get install build-essential && make -j4",
        "LOL that is SO true!!!",
        "my number is 0171 555 1234, call me when you are there",
        "Привет! Как дела?",
        "lunch?",
        "",
    ] {
        assert!(is_fine(settings("reject", "low"), talk), "{talk}");
    }
}

#[test]
fn harmless_words_around_it_do_not_hide_spam() {
    let settings = json!({"spam_action": "reject"});
    let spam =
        "Congratulations! You have won a £1000 prize, call 09061701461 now to claim your reward";
    let talk = "yes i think we should meet there after work and then go home together ".repeat(40);
    assert!(is_fine(settings.clone(), &talk));
    rejected(settings, &format!("{talk}{spam} {talk}"));
}

#[test]
fn disguises_do_not_hide_spam() {
    let spam = "free prize waiting for you, text claim to win cash, reply stop to end";
    let disguised = "fr33 pr1ze w41t1ng f0r y0u, t3xt cl41m t0 w1n c4sh, r3ply st0p t0 3nd";
    let settings = |disguises: &[&str]| json!({"spam_action": "reject", "disguises": disguises});
    rejected(settings(&[]), spam);
    assert!(is_fine(settings(&[]), disguised), "else this shows nothing");
    rejected(settings(&["leetspeak"]), disguised);
}

#[test]
fn reviewers_are_told_the_rule() {
    let details = |written: Value, text: &str| {
        let (verdict, _) = by_content(&rules(written), &Draft::text(text));
        match verdict {
            Verdict::Hold(reason) | Verdict::Reject(Rejection { reason, .. }) => {
                let (_, details) = reason.split_once('\n').unwrap_or_default();
                details.to_owned()
            }
            _ => panic!("let through"),
        }
    };
    let list = json!({"words": [{"name": "rude", "words": ["slur"], "action": "hold", "reason": "Please.\nBe kind."}]});
    assert_eq!(
        details(list, "a $lur"),
        "word list “rude”: “slur”, disguised\n".trim_end()
    );
    let spam = details(
        json!({"spam_action": "hold", "spam_sensitivity": "high"}),
        "You have won a £1000 cash prize! Call 09061701461 now to claim",
    );
    assert!(
        spam.starts_with("spam score 9") || spam.starts_with("spam score 100"),
        "{spam}"
    );
    let pattern =
        json!({"patterns": [{"name": "phones", "pattern": "\\d{7,}", "action": "reject"}]});
    assert_eq!(
        details(pattern, "call 12345678"),
        "pattern “phones”: “12345678”"
    );
    // Without appeals nobody reviews a refusal.
    let off = json!({"max_characters": 3, "appeals": false});
    let (verdict, _) = by_content(&rules(off), &Draft::text("long"));
    assert!(matches!(verdict, Verdict::Reject(Rejection { reason, .. }) if !reason.contains('\n')));
}

#[test]
fn dates_that_a_kind_shows_are_no_phone_numbers() {
    let phones = |action: &str| {
        let pattern = r"\+?\d[\d -]{6,}\d";
        rules(json!({"patterns": [{"pattern": pattern, "action": action}]}))
    };
    let verdict = |text: &str, data: Value| {
        let draft = Draft {
            kind: "task".into(),
            text: text.into(),
            data: data.to_string(),
        };
        by_content(&phones("reject"), &draft).0
    };
    let due = json!({"title": "Lunch", "due": "2026-12-04T12:30", "n": 5});
    let fine = verdict("Lunch, due 2026-12-04 12:30 UTC", due.clone());
    assert!(matches!(fine, Verdict::Allow), "{fine:?}");
    for (text, data) in [
        ("Lunch 555-123-4567, due 2026-12-04", due.clone()),
        ("Lunch, due 2026-12-04 5551234", due.clone()),
        ("born 2026-12-04", json!({"title": "born 2026-12-04"})),
    ] {
        let verdict = verdict(text, data);
        assert!(matches!(verdict, Verdict::Reject(_)), "{text}: {verdict:?}");
    }
    let written = by_content(&phones("reject"), &Draft::text("on 2026-12-04")).0;
    assert!(matches!(written, Verdict::Reject(_)));
    // A date in the data is no words to mask.
    let mut task = due.clone();
    task["title"] = json!("call 555-123-4567");
    let draft = Draft {
        kind: "task".into(),
        text: "call 555-123-4567, due 2026-12-04".into(),
        data: task.to_string(),
    };
    task["title"] = json!("call ************");
    let Verdict::Change(patch) = by_content(&phones("mask"), &draft).0 else {
        panic!("it was not masked");
    };
    assert_eq!(parse_json::<Value>(&patch.data.unwrap()).unwrap(), task);
}

/// Texts of whatever breaks slicing: many bytes, no width, case that changes the length.
fn odd_text(random: &mut althing_plugin::Random) -> String {
    let pieces = [
        "darn", "DARN", "ß", "İ", "\u{200b}", "e\u{301}", "ﬀ", "🙂", " ", "\n", ".", "。", "://",
        "www.", "a.com", "@", "/", "垃圾", "ｄ", "Σ", "\u{338}", "-", "http", "\0", "ǅ", "а", "В",
        "ж", "𝗱", "🇩", "ⅷ", "4", "$", "1337", "d.a.r.n", "rrrr", "l1l", "!", "£",
    ];
    let count = random.below(12);
    (0..count)
        .filter_map(|_| random.pick(&pieces).copied())
        .collect()
}

#[test]
fn any_text_is_judged_and_keeps_its_length() {
    let rules = rules(json!({
        "words": [{"words": ["darn", "ss", "ff", "i", "垃圾", "ß"], "match": "anywhere"}],
        "patterns": [{"pattern": "d.r"}],
        "links": "block_all",
        "link_action": "mask",
        "spam_action": "hold",
    }));
    let mut random = althing_plugin::Random::new(1);
    for _ in 0..20_000 {
        let text = odd_text(&mut random);
        if let Judgement::Rewrite(masked) = judge(&rules, &text) {
            assert_eq!(masked.chars().count(), text.chars().count(), "{text:?}");
            assert!(masked.contains('*'));
        }
    }
}
