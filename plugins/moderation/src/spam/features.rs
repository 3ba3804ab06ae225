//! What the score looks at: pieces of three and of four bytes, words and pairs of words, each by a hash
//! of it, and a few things that can be counted. The training program uses this very file, so that
//! what was learned is what is looked up.

/// Places for pieces of text. A hash of a piece is its place.
pub const PIECES: usize = 1 << PIECES_BITS;
/// Places for words and pairs of words, by a hash as well.
pub const WORDS: usize = 1 << WORDS_BITS;
/// Places for what is counted.
pub const TRAITS: usize = 28;

const PIECES_BITS: u32 = 15;
const WORDS_BITS: u32 = 14;
const SEED: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// Which places were found, of 64 times as many.
struct Seen<const N: usize>([u64; N]);

impl<const N: usize> Seen<N> {
    /// Whether a place is found for the first time.
    fn is_new(&mut self, place: usize) -> bool {
        let (part, bit) = (&mut self.0[place / 64], 1 << (place % 64));
        let is_new = *part & bit == 0;
        *part |= bit;
        is_new
    }
}

/// The bytes that pieces and words are made of: between spaces, every digit a `0`.
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

/// Calls `found` with the place of every piece, once for each place: what is said over and over speaks
/// no louder. Gives how many there were.
pub fn pieces(text: &[u8], mut found: impl FnMut(usize)) -> usize {
    let mut seen = Seen([0; PIECES / 64]);
    let mut count = 0;
    let mut found = |bytes: u32| {
        let place = place(bytes, PIECES_BITS);
        if seen.is_new(place) {
            count += 1;
            found(place);
        }
    };
    let mut last_four = 0;
    for (at, byte) in text.iter().enumerate() {
        last_four = last_four << 8 | u32::from(*byte);
        if at >= 2 {
            found(last_four & 0x00ff_ffff);
        }
        if at >= 3 {
            found(last_four);
        }
    }
    count
}

/// The same of words and of pairs of words.
pub fn words(text: &[u8], mut found: impl FnMut(usize)) -> usize {
    let mut seen = Seen([0; WORDS / 64]);
    let mut count = 0;
    let mut found = |hash: u32| {
        let place = place(hash, WORDS_BITS);
        if seen.is_new(place) {
            count += 1;
            found(place);
        }
    };
    let (mut word, mut before, mut length) = (SEED, 0_u32, 0);
    for byte in text.iter().chain(b" ") {
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            word = mix(word, *byte);
            length += 1;
        } else if length > 0 {
            found(word);
            if before != 0 {
                found(before.rotate_left(5) ^ word);
            }
            before = word;
            (word, length) = (SEED, 0);
        }
    }
    count
}

fn mix(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(PRIME)
}

fn place(hash: u32, bits: u32) -> usize {
    (hash.wrapping_mul(0x9e37_79b1) >> (u32::BITS - bits)) as usize
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
    let step = |from: usize, steps: &[usize], value: usize| {
        from + steps.iter().take_while(|step| value >= **step).count()
    };
    found(step(0, &[1, 3, 5, 9, 16], digits));
    found(step(6, &[3, 5, 7, 10], longest));
    found(step(11, &[1, 2], money));
    found(step(14, &[1, 2, 3], marks));
    found(step(18, &[1, 2, 4], words));
    found(step(22, &[10, 30, 60], letters));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places(of: fn(&[u8], &mut Vec<usize>) -> usize, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        let count = of(&read(text), &mut places);
        assert_eq!(count, places.len());
        places
    }

    #[test]
    fn what_is_said_over_and_over_speaks_no_louder() {
        let of_pieces = |text: &[u8], to: &mut Vec<usize>| pieces(text, |place| to.push(place));
        let of_words = |text: &[u8], to: &mut Vec<usize>| words(text, |place| to.push(place));
        assert_eq!(
            places(of_pieces, "win win win"),
            places(of_pieces, "win win")
        );
        assert_eq!(places(of_words, "win win win"), places(of_words, "win win"));
        assert_eq!(places(of_words, "win, cash").len(), 3, "two and the pair");
        assert_eq!(
            places(of_words, "call 0800 1"),
            places(of_words, "call 0900 2")
        );
        assert!(places(of_words, "").is_empty() && places(of_pieces, "").is_empty());
    }
}
