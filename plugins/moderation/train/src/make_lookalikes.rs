//! Makes the plugin's table of look-alikes from what Unicode says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;
use unicode_script::{Script, UnicodeScript as _};
use unicode_security::confusable_detection::skeleton;

/// Letters of other alphabets that people put in place of Latin ones. Those of alphabets that nobody
/// mistakes for Latin words are left out, whatever single letters look like.
const ALPHABETS: [Script; 7] = [
    Script::Armenian,
    Script::Cherokee,
    Script::Coptic,
    Script::Cyrillic,
    Script::Greek,
    Script::Latin,
    Script::Lisu,
];
/// Alphabets of capitals, in their order, that Unicode has no letters for: white on black, and flags.
const CAPITALS: [(u32, bool); 3] = [(0x1f150, true), (0x1f170, true), (0x1f1e6, false)];
/// The capitals the size of small letters.
const SMALL_CAPITALS: &str = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘ ʀꜱᴛᴜᴠᴡ ʏᴢ";

type Table = BTreeMap<u32, String>;

/// The source of `lookalikes.rs`.
pub fn source() -> String {
    let (mut dressed, mut foreign) = (Table::new(), Table::new());
    for (first, is_letter) in CAPITALS {
        let table = if is_letter {
            &mut dressed
        } else {
            &mut foreign
        };
        table.extend(
            (first..)
                .zip('a'..='z')
                .map(|(code, letter)| (code, letter.into())),
        );
    }
    let small = SMALL_CAPITALS.chars().zip('a'..='z');
    let small = small.filter(|(char, _)| *char != ' ');
    dressed.extend(small.map(|(char, letter)| (char.into(), letter.into())));
    for char in '\u{80}'..=char::MAX {
        if dressed.contains_key(&u32::from(char)) {
            continue;
        }
        if let Some(letters) = undressed(char) {
            dressed.insert(char.into(), letters);
        } else if let Some(letter) = latin(char) {
            foreign.insert(char.into(), letter.into());
        }
    }
    let (major, minor, _) = unicode_security::UNICODE_VERSION;
    let mut source = format!(
        "//! Letters in another dress, and letters of other alphabets that look like Latin ones.\n\
         //!\n\
         //! Made by `cargo run --release -p moderation-train -- lookalikes`; don't edit. From the Unicode\n\
         //! Character Database (compatibility decompositions) and Unicode Technical Standard #39\n\
         //! (confusables), version {major}.{minor}, as the crates unicode-normalization and unicode-security\n\
         //! hold them: © Unicode, Inc., Unicode License v3. Left out: letters that a language has, such as\n\
         //! the Turkish ı, and alphabets that nobody takes for Latin.\n\n\
         use crate::fold::Run;\n"
    );
    write_table(
        &mut source,
        "The same letter, only set otherwise: 𝗯𝗼𝗹𝗱, ⓒⓘⓡⓒⓛⓔⓓ, ꜱᴍᴀʟʟ, ﬁ.",
        "DRESSED",
        &dressed,
    );
    write_table(
        &mut source,
        "Another letter that looks like it: Cyrillic о, Greek ο, a flag's 🇴.",
        "FOREIGN",
        &foreign,
    );
    source
}

/// The plain letters or digits, at most three, that a character is a way to set.
fn undressed(char: char) -> Option<String> {
    let plain: String = char
        .nfkc()
        .filter(|char| !matches!(char, '(' | ')' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    let fits =
        (1..=3).contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(plain)
}

/// The Latin letter that a letter looks like.
fn latin(char: char) -> Option<char> {
    // Letters that languages in Latin script have stand for themselves.
    let own = matches!(char, '\u{80}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    if own || !char.is_alphabetic() || !ALPHABETS.contains(&char.script()) {
        return None;
    }
    let looks = |char: char| {
        let letters: String = skeleton(char.encode_utf8(&mut [0; 4])).collect();
        match letters.as_str() {
            "rn" => Some('m'),
            letters => {
                let mut chars = letters.chars().flat_map(char::to_lowercase);
                chars
                    .next()
                    .filter(|letter| letter.is_ascii_lowercase() && chars.next().is_none())
            }
        }
    };
    // For Unicode a capital I looks like a small L. It also is the capital of something.
    let small = char.to_lowercase().next().filter(|small| *small != char);
    match looks(char) {
        Some('l') => small.and_then(looks).or(Some('l')),
        other => other,
    }
}

fn write_table(source: &mut String, what: &str, name: &str, table: &Table) {
    let mut runs: Vec<(u32, u32, &str)> = Vec::new();
    for (code, letters) in table {
        let follows = runs.last().is_some_and(|(first, count, begin)| {
            let next = begin.as_bytes()[0] as u32 + count;
            first + count == *code
                && begin.len() == 1
                && letters.len() == 1
                && letters.as_bytes()[0] as u32 == next
        });
        match runs.last_mut() {
            Some(run) if follows => run.1 += 1,
            _ => runs.push((*code, 1, letters)),
        }
    }
    let _ = write!(
        source,
        "\n/// {what}\n#[rustfmt::skip]\npub static {name}: [Run; {}] = [",
        runs.len()
    );
    let mut line = String::new();
    for (first, count, letters) in runs {
        let run = format!(" Run::new({first:#x}, {count}, \"{letters}\"),");
        if line.is_empty() || line.len() + run.len() > 118 {
            if !line.is_empty() {
                source.push_str(line.trim_end());
            }
            line = "\n   ".to_owned();
        }
        line.push_str(&run);
    }
    source.push_str(&line);
    source.push_str("\n];\n");
}
