//! What the score looks at: pieces of two to five characters, words and pairs of words, each by a hash
//! of it, and a few things that can be counted. The training program uses this very file, so that
//! what was learned is what is looked up.

/// Places for pieces of text. A hash of a piece is its place.
pub const PIECES: usize = 1 << 14;
/// Places for what is counted.
pub const TRAITS: usize = 28;

const SEED: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The bytes that pieces are made of: between spaces, every digit a `0`.
pub fn read(text: &str) -> Vec<u8> {
    let mut read = Vec::with_capacity(text.len() + 2);
    read.push(b' ');
    read.extend(text.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        other => other,
    }));
    read.push(b' ');
    read
}

/// Calls `found` with the place of every piece. Gives how many there were.
pub fn pieces(text: &[u8], mut found: impl FnMut(usize)) -> usize {
    let mut count = 0;
    let mut found = |hash: u32| {
        count += 1;
        found((hash.wrapping_mul(0x9e37_79b1) >> 18) as usize);
    };
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(PRIME);
    let (mut word, mut before, mut length) = (SEED, 0_u32, 0);
    for (at, byte) in text.iter().enumerate() {
        let mut hash = mix(SEED, *byte);
        for next in text[at + 1..].iter().take(4) {
            hash = mix(hash, *next);
            found(hash);
        }
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            word = mix(word, *byte);
            length += 1;
        } else if length > 0 {
            found(!word);
            if before != 0 {
                found(before.rotate_left(5) ^ word);
            }
            before = word;
            (word, length) = (SEED, 0);
        }
    }
    count
}

/// Calls `found` with the places of what is counted in a part of a text.
pub fn traits(text: &[u8], capitals: [usize; 2], mut found: impl FnMut(usize)) {
    let (mut digits, mut run, mut longest, mut marks, mut money) = (0, 0, 0, 0, 0);
    for (at, byte) in text.iter().enumerate() {
        if *byte == b'0' {
            digits += 1;
            run += 1;
            longest = run.max(longest);
        } else {
            run = 0;
        }
        marks += usize::from(*byte == b'!');
        money += usize::from(is_money(&text[at..]));
    }
    let link = text
        .windows(4)
        .any(|four| four == b"www." || four == b".com" || &four[1..] == b"://");
    let [words, letters] = capitals;
    let place = |from: usize, steps: &[usize], value: usize| {
        from + steps.iter().take_while(|step| value >= **step).count()
    };
    found(place(0, &[1, 3, 5, 9, 16], digits));
    found(place(6, &[3, 5, 7, 10], longest));
    found(place(11, &[1, 2], money));
    found(place(14, &[1, 2, 3], marks));
    found(place(18, &[1, 2, 4], words));
    found(place(22, &[10, 30, 60], letters));
    found(26 + usize::from(link));
}

/// Whether a text begins with the sign of a currency.
fn is_money(text: &[u8]) -> bool {
    match text {
        [b'$', ..] | [0xc2, 0xa3 | 0xa5, ..] => true,
        [0xe2, 0x82, last, ..] => (0xa0..=0xbf).contains(last),
        _ => false,
    }
}

/// How many words of two letters or more are all capitals, and how many letters of a hundred are.
pub fn capitals(original: &str) -> [usize; 2] {
    let (mut words, mut upper, mut letters, mut run) = (0, 0, 0, 0);
    for byte in original.bytes().chain([b' ']) {
        if byte.is_ascii_uppercase() {
            (upper, letters, run) = (upper + 1, letters + 1, run + 1);
        } else {
            if byte.is_ascii_lowercase() {
                letters += 1;
            } else {
                words += usize::from(run >= 2);
            }
            run = 0;
        }
    }
    [words, upper * 100 / usize::max(letters, 1)]
}
