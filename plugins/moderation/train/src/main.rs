#[path = "../../src/spam/features.rs"]
mod features;
#[expect(dead_code, reason = "the plugin also asks where things were")]
#[path = "../../src/fold.rs"]
mod fold;
mod data;
mod fit;
#[path = "../../src/lookalikes.rs"]
mod lookalikes;
mod make_lookalikes;
mod random;
use fit::*;
use random::Random;

fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "lookalikes" {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../src/lookalikes.rs"),
            make_lookalikes::source(),
        )
        .map_err(|e| e.to_string())?;
        return Ok(());
    }
    let messages = data::read_labelled(args[1].as_ref())?;
    let days = data::read_chat(args[2].as_ref())?;
    let groups: std::collections::HashSet<_> = messages.iter().map(|m| m.group).collect();
    let spam_groups: std::collections::HashSet<_> = messages
        .iter()
        .filter(|m| m.is_spam)
        .map(|m| m.group)
        .collect();
    println!(
        "{} messages, {} groups, {} spam groups; {} lines",
        messages.len(),
        groups.len(),
        spam_groups.len(),
        days.iter().map(|d| d.len()).sum::<usize>()
    );
    let get = |n: &str, d: f64| {
        std::env::var(n)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(d)
    };
    let recipe = Recipe {
        rounds: get("ROUNDS", 20.0) as usize,
        rate: get("RATE", 0.3),
        decay: get("DECAY", 1e-6),
        chat_weight: get("CHAT", 0.0),
        seed: 1,
    };
    println!("{recipe:?}");
    let k = 10;
    let mut random = Random(get("SEED", 7.0) as u64);
    let parts = data::deal(&messages, k, &mut random);
    let examples: Vec<Example> = messages
        .iter()
        .map(|m| Example::new(&m.text, m.is_spam, 1.0))
        .collect();
    let chat: Vec<Vec<Example>> = days
        .iter()
        .map(|d| {
            d.iter()
                .map(|t| Example::new(t, false, recipe.chat_weight))
                .collect()
        })
        .collect();
    let mut scored = vec![];
    let mut chat_scored = vec![];
    for part in 0..k {
        let mut train: Vec<&Example> = examples
            .iter()
            .zip(&parts)
            .filter(|(_, p)| **p != part)
            .map(|(e, _)| e)
            .collect();
        if recipe.chat_weight > 0.0 {
            train.extend(
                chat.iter()
                    .enumerate()
                    .filter(|(d, _)| d % k != part)
                    .flat_map(|(_, d)| d),
            );
        }
        let model = fit(&train, recipe);
        let w = model.weights();
        let mut seen = std::collections::HashSet::new();
        for (m, p) in messages.iter().zip(&parts) {
            if *p == part && seen.insert(m.group) {
                scored.push((
                    features::score(&w, fold::Folded::new(&m.text).text(), &m.text),
                    m.is_spam,
                    &m.text,
                ));
            }
        }
        for (d, day) in days.iter().enumerate() {
            if d % k == part {
                for t in day {
                    chat_scored.push((features::score(&w, fold::Folded::new(t).text(), t), t));
                }
            }
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    chat_scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = scored.iter().filter(|s| s.1).count();
    for allowed in [0, 1, 2, 3, 5, 8, 12, 20] {
        let (mut tp, mut fp) = (0, 0);
        let mut last = (0, 0.0);
        for (s, spam, _) in &scored {
            if *spam {
                tp += 1;
                last = (tp, *s)
            } else {
                fp += 1;
                if fp > allowed {
                    break;
                }
            }
        }
        let chat_fp = chat_scored.iter().filter(|c| c.0 >= last.1).count();
        println!(
            "fp {allowed}: recall {:.3} precision {:.4} at {:.2}; chat {} of {} ({:.5})",
            last.0 as f64 / all as f64,
            last.0 as f64 / (last.0 + allowed) as f64,
            last.1,
            chat_fp,
            chat_scored.len(),
            chat_fp as f64 / chat_scored.len() as f64
        );
    }
    if std::env::var("SHOW").is_ok() {
        for (s, t) in chat_scored.iter().take(30) {
            println!("{s:.2} {t}");
        }
        println!("--- ham");
        for (s, _, t) in scored.iter().filter(|s| !s.1).take(12) {
            println!("{s:.2} {t}");
        }
        println!("--- spam");
        for (s, _, t) in scored.iter().rev().filter(|s| s.1).take(40) {
            println!("{s:.2} {t}");
        }
    }
    Ok(())
}
