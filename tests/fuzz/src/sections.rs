//! A mutator that knows what components are made of: sections, some of which hold modules and
//! components, which are made of sections again. It keeps their lengths right, so that what it changes
//! is looked at and not refused at once.

use std::sync::LazyLock;

use crate::component;

/// What takes the place of bytes that are no component.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(component::seeds);

/// A component or a module, taken apart; nothing of it is checked.
struct Parts {
    header: [u8; 8],
    sections: Vec<Section>,
}

struct Section {
    id: u8,
    body: Body,
}

enum Body {
    Bytes(Vec<u8>),
    Parts(Parts),
}

/// Sections of a component that hold another component or a module. In a module they are types and
/// functions' types: their bytes don't begin like a module.
const HOLDING: [u8; 2] = [1, 4];
const MAGIC: [u8; 4] = *b"\0asm";
/// How deep to look.
const DEPTH_MAX: u32 = 5;

impl Parts {
    fn read(bytes: &[u8], depth: u32) -> Option<Self> {
        let (header, mut rest) = bytes.split_first_chunk::<8>()?;
        if header[..4] != MAGIC || depth > DEPTH_MAX {
            return None;
        }
        let mut sections = Vec::new();
        while let Some((&id, after)) = rest.split_first() {
            let (length, after) = read_length(after)?;
            let (body, after) = after.split_at_checked(length)?;
            let parts = HOLDING
                .contains(&id)
                .then(|| Self::read(body, depth + 1))
                .flatten();
            let body = parts.map_or_else(|| Body::Bytes(body.to_vec()), Body::Parts);
            sections.push(Section { id, body });
            rest = after;
        }
        let header = *header;
        Some(Self { header, sections })
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.header);
        for section in &self.sections {
            let mut inside = Vec::new();
            let body = match &section.body {
                Body::Bytes(bytes) => bytes,
                Body::Parts(parts) => {
                    parts.write(&mut inside);
                    &inside
                }
            };
            to.push(section.id);
            write_length(body.len(), to);
            to.extend(body);
        }
    }

    /// Changes one thing somewhere.
    fn change(&mut self, random: &mut Random, change_bytes: &mut impl FnMut(&mut Vec<u8>)) {
        if self.sections.is_empty() {
            return;
        }
        let at = random.below(self.sections.len());
        let other = random.below(self.sections.len());
        match (&mut self.sections[at].body, random.below(10)) {
            (Body::Parts(parts), 0..7) => parts.change(random, change_bytes),
            (Body::Bytes(bytes), 0..7) => change_bytes(bytes),
            (_, 7) => drop(self.sections.remove(at)),
            (_, 8) => self.sections.swap(at, other),
            (body, _) => {
                let bytes = body.to_bytes();
                let id = self.sections[at].id;
                let body = Body::Bytes(bytes);
                self.sections.insert(other, Section { id, body });
            }
        }
    }
}

impl Body {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Parts(parts) => {
                let mut bytes = Vec::new();
                parts.write(&mut bytes);
                bytes
            }
        }
    }
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, max: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % max
    }
}

/// Changes a component of `size` bytes in a buffer, and gives its new size. `change_bytes` changes
/// what lies in a buffer of bytes, of which so many are in use, and gives how many are then.
pub fn mutate(
    buffer: &mut [u8],
    size: usize,
    seed: u32,
    change_bytes: impl Fn(&mut [u8], usize) -> usize,
) -> usize {
    let mut random = Random(seed.into());
    let whole = |buffer: &mut [u8]| change_bytes(buffer, size);
    // Now and then without any knowledge.
    if random.below(8) == 0 {
        return whole(buffer);
    }
    let Some(mut parts) = Parts::read(&buffer[..size], 0) else {
        let seed = &SEEDS[random.below(SEEDS.len())];
        let Some(place) = buffer.get_mut(..seed.len()) else {
            return whole(buffer);
        };
        place.copy_from_slice(seed);
        return seed.len();
    };
    let room = buffer.len().saturating_sub(size);
    for _ in 0..=random.below(3) {
        parts.change(&mut random, &mut |bytes: &mut Vec<u8>| {
            let size = bytes.len();
            bytes.resize(size + room.min(size / 2 + 64), 0);
            let size = change_bytes(bytes, size);
            bytes.truncate(size);
        });
    }
    let mut changed = Vec::with_capacity(size);
    parts.write(&mut changed);
    match buffer.get_mut(..changed.len()) {
        Some(place) => {
            place.copy_from_slice(&changed);
            changed.len()
        }
        None => whole(buffer),
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((length, &bytes[at + 1..]));
        }
    }
    None
}

fn write_length(mut length: usize, to: &mut Vec<u8>) {
    while length > 0x7f {
        to.push(length as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::{Parts, mutate};
    use crate::component::seeds;

    #[test]
    fn components_are_taken_apart_and_put_together() {
        for seed in seeds() {
            let parts = Parts::read(&seed, 0).expect("a component");
            let mut bytes = Vec::new();
            parts.write(&mut bytes);
            // Lengths may have been written with more bytes than they take.
            assert!(Parts::read(&bytes, 0).is_some());
            assert!(bytes.len() <= seed.len());
        }
    }

    #[test]
    fn changes_keep_to_the_room_that_there_is() {
        for seed in seeds() {
            let mut buffer = seed.clone();
            buffer.resize(seed.len() + 10, 0);
            let mut size = seed.len();
            for round in 0..200 {
                size = mutate(&mut buffer, size, round, |bytes, size| {
                    let grown = bytes.len().min(size + 1);
                    bytes[grown - 1] = round as u8;
                    grown
                });
                assert!(size <= buffer.len());
            }
        }
    }
}
