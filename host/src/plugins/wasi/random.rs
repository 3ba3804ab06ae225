//! Random numbers from the seed of the call: the same for the same call, and nothing that can be
//! guessed from those before. 64 random bits are in them and no more.

use ring::hmac;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::super::state::State;

/// What a guest may ask for at once; more ends the call.
const BYTES_MAX: u64 = 64 << 10;

/// A stream of bytes: HMAC-SHA256 of a counter, with the seed as key.
pub(super) struct Random {
    key: hmac::Key,
    blocks: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_le_bytes()),
            blocks: 0,
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count.next_multiple_of(32));
        while bytes.len() < count {
            let block = hmac::sign(&self.key, &self.blocks.to_le_bytes());
            self.blocks += 1;
            bytes.extend_from_slice(block.as_ref());
        }
        bytes.truncate(count);
        bytes
    }

    fn word(&mut self) -> u64 {
        let bytes = self.bytes(8);
        bytes
            .into_iter()
            .fold(0, |word, byte| word << 8 | u64::from(byte))
    }
}

impl HasData for Random {
    type Data<'a> = &'a mut Random;
}

pub(super) fn link(
    linker: &mut Linker<State>,
    random: fn(&mut State) -> &mut Random,
) -> wasmtime::Result<()> {
    random::add_to_linker::<State, Random>(linker, random)?;
    insecure::add_to_linker::<State, Random>(linker, random)?;
    insecure_seed::add_to_linker::<State, Random>(linker, random)
}

impl random::Host for Random {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > BYTES_MAX {
            return Err(wasmtime::format_err!(
                "the call asked for {len} random bytes at once; at most {BYTES_MAX}"
            ));
        }
        Ok(self.bytes(usize::try_from(len)?))
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.word())
    }
}

impl insecure::Host for Random {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random::Host::get_random_bytes(self, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.word())
    }
}

impl insecure_seed::Host for Random {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.word(), self.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// Recorded calls are replayed by later hosts: the stream of a seed never changes.
    #[test]
    fn a_seed_gives_its_stream() {
        let mut random = Random::new(7);
        assert_eq!(random.bytes(4), [14, 208, 211, 183]);
        assert_eq!(Random::new(7).bytes(100), Random::new(7).bytes(100));
        assert_ne!(Random::new(7).bytes(100), Random::new(8).bytes(100));
        assert_ne!(random.word(), random.word());
    }
}
