//! The key-value writes of one call, laid over the committed values: the call reads back what it
//! wrote, and nobody else sees it. Also remembers which committed values the call read.

use std::collections::BTreeMap;

use super::effects::{Effects, KvRead, KvWrite};
use super::imports::{Chat, Room};
use super::types::{Entry, HostError, Scope};

/// Guests see this much of a version: JavaScript has no larger whole numbers. What was read is checked
/// by all of it when the call commits.
const SHOWN: u64 = (1 << 52) - 1;
/// Set in the version of a value that is not committed yet; the store gives it its own later.
const PENDING: u64 = 1 << 52;

/// The longest list of keys, as the contract has it.
pub(super) const KEYS_MAX: u32 = 100;

type Address = (Scope, String);

#[derive(Default)]
pub(super) struct Overlay {
    reads: BTreeMap<Address, Option<u64>>,
    writes: BTreeMap<Address, Write>,
    writes_ever: u64,
    /// Scopes whose owner was looked up already.
    owners: Vec<Scope>,
    /// How much more the install may keep, once it was asked and if it is little.
    room: Option<Option<Room>>,
    /// Bytes of the committed values that the call writes to, looked up where there is little room.
    replaced: BTreeMap<Address, Option<usize>>,
}

struct Write {
    value: Option<Vec<u8>>,
    ttl_ms: Option<u64>,
    version: u64,
}

impl Overlay {
    /// How many keys the call has written.
    pub(super) fn written(&self) -> usize {
        self.writes.len()
    }

    pub(super) fn has_written(&self, scope: &Scope, key: &str) -> bool {
        self.writes.contains_key(&(scope.clone(), key.to_owned()))
    }

    /// The value as this call sees it.
    pub(super) async fn get(
        &mut self,
        chat: &dyn Chat,
        scope: Scope,
        key: String,
    ) -> Result<Option<Entry>, HostError> {
        let address = (scope, key);
        if let Some(write) = self.writes.get(&address) {
            return Ok(write.value.clone().map(|value| Entry {
                value,
                version: write.version,
            }));
        }
        let mut found = chat.kv_get(&address.0, &address.1).await?;
        // The first read counts: if a later one differs, the commit is to fail.
        let version = found.as_ref().map(|entry| entry.version);
        self.reads.entry(address).or_insert(version);
        if let Some(entry) = &mut found {
            entry.version &= SHOWN;
        }
        Ok(found)
    }

    /// Refuses a scope whose owner the plugin may not see. The plugin's own scope has none.
    pub(super) async fn check_owner(
        &mut self,
        chat: &dyn Chat,
        scope: &Scope,
    ) -> Result<(), HostError> {
        if *scope != Scope::Plugin && !self.owners.contains(scope) {
            chat.owner(scope).await?;
            self.owners.push(scope.clone());
        }
        Ok(())
    }

    /// Whether the install may keep a value of so many bytes beside what the call wrote before. No call
    /// writes more than `most`. The commit has the last word: others write, too.
    pub(super) async fn has_room(
        &mut self,
        chat: &dyn Chat,
        most: Room,
        scope: &Scope,
        key: &str,
        value_bytes: usize,
    ) -> Result<bool, HostError> {
        let room = match self.room {
            Some(room) => room,
            None => *self.room.insert(chat.kv_room(most).await?),
        };
        let Some(room) = room else {
            return Ok(true);
        };
        let address = (scope.clone(), key.to_owned());
        for address in self.writes.keys().chain([&address]) {
            if !self.replaced.contains_key(address) {
                let found = chat.kv_get(&address.0, &address.1).await?;
                let bytes = found.map(|entry| entry.value.len());
                self.replaced.insert(address.clone(), bytes);
            }
        }
        let mut more = Room::default();
        let mut count = |address: &Address, value: Option<usize>| {
            let replaced = self.replaced.get(address).copied().flatten();
            for (bytes, sign) in [(value, 1), (replaced, -1)] {
                let Some(bytes) = bytes else { continue };
                more.keys += sign;
                more.bytes += sign * (address.1.len() + bytes) as i64;
            }
        };
        for (written, write) in self.writes.iter().filter(|(of, _)| **of != address) {
            count(written, write.value.as_ref().map(Vec::len));
        }
        count(&address, Some(value_bytes));
        let grows = more.keys > 0 || more.bytes > 0;
        Ok(!grows || (more.keys <= room.keys && more.bytes <= room.bytes))
    }

    /// Writes a value, or with `None` deletes it.
    pub(super) fn write(
        &mut self,
        scope: Scope,
        key: String,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
    ) {
        self.writes_ever += 1;
        let write = Write {
            value,
            ttl_ms,
            version: PENDING | self.writes_ever,
        };
        self.writes.insert((scope, key), write);
    }

    /// The keys as this call sees them: those beginning with `prefix`, after `after`, in byte order.
    pub(super) async fn keys(
        &mut self,
        chat: &dyn Chat,
        scope: &Scope,
        prefix: &str,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        let limit = limit.min(KEYS_MAX) as usize;
        let mut keys: Vec<String> = self
            .writes
            .iter()
            .filter(|((of, key), write)| {
                of == scope
                    && write.value.is_some()
                    && key.starts_with(prefix)
                    && after.as_ref().is_none_or(|after| key > after)
            })
            .map(|((_, key), _)| key.clone())
            .collect();
        let mut committed = 0;
        let mut cursor = after;
        // A page may hold keys that this call has written or deleted, so one may not be enough.
        while committed < limit {
            let page = chat
                .kv_keys(scope, prefix, cursor.as_deref(), KEYS_MAX)
                .await?;
            let is_last = page.len() < KEYS_MAX as usize;
            cursor = page.last().cloned();
            for key in page {
                if !self.has_written(scope, &key) {
                    keys.push(key);
                    committed += 1;
                }
            }
            if is_last {
                break;
            }
        }
        keys.sort_unstable();
        keys.truncate(limit);
        Ok(keys)
    }

    /// Moves what was read and written into `effects`.
    pub(super) fn finish(self, effects: &mut Effects) {
        let reads = self.reads.into_iter();
        effects.kv_reads = reads
            .map(|((scope, key), version)| KvRead {
                scope,
                key,
                version,
            })
            .collect();
        let writes = self.writes.into_iter();
        effects.kv_writes = writes
            .map(|((scope, key), write)| KvWrite {
                scope,
                key,
                value: write.value,
                ttl_ms: write.ttl_ms,
            })
            .collect();
    }
}
