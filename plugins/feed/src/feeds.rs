//! The four feeds. A candidate whose state can't be read is none.

use std::collections::BTreeMap;

use althing_plugin::{Candidate, Context, parse_json};

use crate::rank::{Item, rank};
use crate::reactions::Reactions;
use crate::settings::{Order, Settings};
use crate::telling::Telling;

/// The places of `candidates` in the order of `feed`. The error is a sentence for the person.
pub fn order(
    ctx: &Context,
    settings: &Settings,
    feed: &str,
    argument: &str,
    candidates: &[Candidate],
) -> Result<Vec<u32>, String> {
    match feed {
        "stories" => Ok(stories(ctx, candidates)),
        "profile" if argument.is_empty() => Err("Whose? Say it with `argument`.".to_owned()),
        "profile" => Ok(items(ctx, candidates)
            .filter(|item| item.author == argument)
            .map(|item| item.place)
            .collect()),
        "posts" | "reels" => {
            let items = items(ctx, candidates);
            Ok(match settings.order {
                Order::Newest => items.map(|item| item.place).collect(),
                Order::Ranked => rank(items.collect(), settings.half_life_hours * 3_600_000),
            })
        }
        other => Err(format!("There is no feed `{other}`.")),
    }
}

/// Posts and reels, new to old.
fn items<'a>(ctx: &'a Context, candidates: &'a [Candidate]) -> impl Iterator<Item = Item> + 'a {
    (0..).zip(candidates).filter_map(|(place, candidate)| {
        let reactions: Reactions = parse_json(&candidate.state).ok()?;
        Some(Item {
            place,
            age_ms: ctx.now_ms.saturating_sub(candidate.message.ts_ms),
            likes: reactions.likes.count(),
            comments: reactions.comments,
            shares: reactions.shares.count(),
            liked: reactions.likes.has(&ctx.actor) || reactions.shares.has(&ctx.actor),
            seen: reactions.views.has(&ctx.actor),
            author: reactions.author,
        })
    })
}

/// The stories of one person.
struct Told {
    own: bool,
    unseen: bool,
    /// The place of the newest.
    newest: u32,
    /// New to old.
    places: Vec<u32>,
}

/// By person: one's own first, then those with something new, the newest first. Those of a person in
/// the order in which they were told.
fn stories(ctx: &Context, candidates: &[Candidate]) -> Vec<u32> {
    let mut by_person: BTreeMap<String, Told> = BTreeMap::new();
    for (place, candidate) in (0..).zip(candidates) {
        let Ok(story) = parse_json::<Telling>(&candidate.state) else {
            continue;
        };
        if story.is_over(ctx.now_ms) {
            continue;
        }
        let own = story.author == ctx.actor;
        let seen = own || story.seen.has(&ctx.actor);
        let told = by_person.entry(story.author).or_insert(Told {
            own,
            unseen: false,
            newest: place,
            places: Vec::new(),
        });
        told.unseen |= !seen;
        told.places.push(place);
    }
    let mut people: Vec<Told> = by_person.into_values().collect();
    people.sort_by_key(|told| (!told.own, !told.unseen, told.newest));
    let places = people
        .into_iter()
        .flat_map(|told| told.places.into_iter().rev());
    places.collect()
}

#[cfg(test)]
mod tests {
    use althing_plugin::{Draft, Message, to_json};

    use super::*;

    fn candidate(state: String, ts_ms: u64) -> Candidate {
        let message = Message {
            id: String::new(),
            channel: String::new(),
            seq: 1,
            sender: "bot:feed".into(),
            ts_ms,
            content: Draft::text(""),
            deleted: false,
        };
        Candidate { message, state }
    }

    fn story(author: &str, seen_by: &[&str], expires_at_ms: u64) -> Candidate {
        let mut told = Telling {
            author: author.into(),
            expires_at_ms,
            ..Telling::default()
        };
        for user in seen_by {
            told.seen.add(user);
        }
        candidate(to_json(&told), 0)
    }

    fn post(author: &str, liked_by: &[&str], ts_ms: u64) -> Candidate {
        let mut reactions = Reactions::new(author.into());
        for user in liked_by {
            reactions.likes.add(user);
        }
        candidate(to_json(&reactions), ts_ms)
    }

    fn reader() -> Context {
        Context {
            actor: "me".into(),
            now_ms: 1_000_000,
            ..Context::default()
        }
    }

    fn read(feed: &str, argument: &str, candidates: &[Candidate]) -> Result<Vec<u32>, String> {
        order(&reader(), &Settings::default(), feed, argument, candidates)
    }

    #[test]
    fn stories_go_by_person() {
        let later = 2_000_000;
        let told = [
            story("ann", &["me"], later),
            story("bob", &["me"], later),
            story("me", &[], later),
            story("bob", &[], later),
            story("carol", &[], 1_000_000),
            story("dave", &[], later),
            story("ann", &["me"], later),
        ];
        // One's own, then those with something new: Bob's newest is newer than Dave's.
        assert_eq!(read("stories", "", &told), Ok(vec![2, 3, 1, 5, 6, 0]));
        assert_eq!(read("stories", "", &[]), Ok(vec![]));
    }

    #[test]
    fn a_profile_is_of_one_person_and_new_to_old() {
        let posts = [
            post("ann", &[], 900_000),
            post("bob", &["me", "x", "y"], 800_000),
            post("ann", &["me", "x"], 100),
        ];
        assert_eq!(read("profile", "ann", &posts), Ok(vec![0, 2]));
        assert_eq!(read("profile", "zoe", &posts), Ok(vec![]));
        assert!(read("profile", "", &posts).is_err());
        assert!(read("nothing", "", &posts).is_err());
    }

    #[test]
    fn posts_are_ranked_or_newest_first() {
        let posts = [
            post("ann", &[], 999_000),
            post("bob", &["me", "x", "y"], 998_000),
            candidate("broken".into(), 997_000),
            post("carol", &[], 996_000),
        ];
        assert_eq!(read("posts", "", &posts), Ok(vec![1, 0, 3]));
        let newest = Settings {
            order: Order::Newest,
            ..Settings::default()
        };
        let places = order(&reader(), &newest, "posts", "", &posts);
        assert_eq!(places, Ok(vec![0, 1, 3]));
    }

    #[test]
    fn the_same_is_ordered_the_same() {
        let posts: Vec<Candidate> = (0..300)
            .map(|at| {
                let author = format!("user-{}", at * 7 % 13);
                let likers: Vec<String> = (0..at % 5).map(|n| format!("l{n}")).collect();
                let likers: Vec<&str> = likers.iter().map(String::as_str).collect();
                post(&author, &likers, 1_000_000 - at * 500)
            })
            .collect();
        let first = read("posts", "", &posts).unwrap();
        assert_eq!(read("posts", "", &posts).unwrap(), first);
        let mut all = first;
        all.sort_unstable();
        assert_eq!(all, (0..300).collect::<Vec<u32>>());
    }
}
