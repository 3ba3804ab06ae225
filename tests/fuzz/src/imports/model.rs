//! The host as a plugin should see it, in as few words as it takes.

use std::collections::BTreeMap;

use althing::plugins::{Effects, Entry, Figure, KvRead, KvWrite, Limits, Scope, TimerWrite};

use super::Class;
use super::ask::{Ask, Document, Expected, Id, Key, Place, Reading};
use crate::puppet;
use crate::world::{CHANNEL, ENGINE, MESSAGE, USER};

type Address = (Scope, String);

/// What a plugin hears: a value, or in which way it was refused.
type Heard<T> = Result<T, &'static str>;

pub struct Model<'a> {
    class: Class,
    limits: &'static Limits,
    committed: &'a BTreeMap<Address, Entry>,
    /// The last write of each key, and the versions that this call sees of them.
    writes: BTreeMap<Address, (KvWrite, u64)>,
    reads: BTreeMap<Address, Option<u64>>,
    /// What the puppet has seen of versions.
    seen: BTreeMap<Address, Option<u64>>,
    writes_ever: u64,
    bytes: usize,
    counters: BTreeMap<String, (u32, u32)>,
    pub figures: BTreeMap<String, Figure>,
    timers: Vec<TimerWrite>,
    chat: usize,
    sends: u32,
    changes: u32,
    requests: u32,
}

impl<'a> Model<'a> {
    pub fn new(class: Class, committed: &'a BTreeMap<Address, Entry>) -> Self {
        Self {
            class,
            limits: ENGINE.limits(),
            committed,
            writes: BTreeMap::new(),
            reads: BTreeMap::new(),
            seen: BTreeMap::new(),
            writes_ever: 0,
            bytes: 0,
            counters: BTreeMap::new(),
            figures: BTreeMap::new(),
            timers: Vec::new(),
            chat: 0,
            sends: 0,
            changes: 0,
            requests: 0,
        }
    }

    /// Fails unless the call wrote what it was told that it did, and nothing if it may not or failed.
    pub fn check(self, effects: &Effects, fails: bool) {
        if fails || !self.class.may_write() {
            assert!(effects.is_empty(), "{:?} wrote", self.class);
            assert!(effects.kv_reads.is_empty());
            return;
        }
        let reads = self.reads.into_iter();
        let reads: Vec<KvRead> = reads
            .map(|((scope, key), version)| KvRead {
                scope,
                key,
                version,
            })
            .collect();
        assert_eq!(effects.kv_reads, reads);
        let writes: Vec<KvWrite> = self.writes.into_values().map(|(write, _)| write).collect();
        assert_eq!(effects.kv_writes, writes);
        assert_eq!(effects.timers, self.timers);
        assert_eq!(effects.chat.len(), self.chat);
    }

    /// What the puppet tells of it.
    pub fn answer(&mut self, ask: &Ask) -> String {
        let done = |heard: Heard<()>| heard.map(|()| "done".to_owned());
        let heard = match ask {
            Ask::Get(place, key) => self.get(place, key),
            Ask::Set(place, key, value, ttl_ms) => {
                done(self.write(place, key, Some(&value.0), *ttl_ms))
            }
            Ask::Swap(place, key, expected, value, ttl_ms) => {
                done(self.swap(place, key, expected, &value.0, *ttl_ms))
            }
            Ask::Delete(place, key) => done(self.write(place, key, None, None)),
            Ask::Keys(place, prefix, after, limit) => self.keys(
                place,
                &prefix.0,
                after.as_ref().map(|after| &after.0),
                *limit,
            ),
            Ask::Add(key, amount, window_ms) => Ok(self.count(key, Some(*amount), *window_ms)),
            Ask::Sum(key, window_ms) => Ok(self.count(key, None, *window_ms)),
            Ask::Count(name, amount) => self.figure(name, Figure::Counter(*amount)),
            Ask::Gauge(name, value) => self.figure(name, Figure::Gauge(*value)),
            Ask::SetTimer(name, at, channel, payload) => {
                done(self.set_timer(name, at.0, channel, payload))
            }
            Ask::CancelTimer(name) => done(self.cancel_timer(name)),
            Ask::Send(channel, _) => self.send(channel),
            Ask::Edit(id, _) | Ask::Remove(id) => done(self.change(id, None)),
            Ask::Act(id, _, value) => done(self.change(id, Some(value))),
            Ask::Attach(id, blocks) => {
                done(self.change(id, Some(blocks).filter(|blocks| !blocks.0.is_empty())))
            }
            Ask::Progress(..) => done(self.may_write()),
            Ask::Read(reading) => self.read(reading),
            Ask::Fetch(_) => self.fetch(),
        };
        heard.unwrap_or_else(str::to_owned)
    }

    fn may_read(&self) -> Heard<()> {
        self.class.may_read().then_some(()).ok_or("denied")
    }

    fn may_write(&self) -> Heard<()> {
        self.class.may_write().then_some(()).ok_or("denied")
    }

    fn address(&self, place: &Place, key: &Key) -> Heard<Address> {
        match key.0.len() {
            0 => Err("invalid"),
            bytes if bytes > self.limits.kv_key_bytes_max as usize => Err("limited"),
            _ => Ok((place.scope(), key.0.clone())),
        }
    }

    fn charge(&mut self, bytes: usize) -> Heard<()> {
        self.bytes += bytes;
        let is_within = self.bytes <= self.limits.kv_bytes_max as usize;
        is_within.then_some(()).ok_or("limited")
    }

    /// The version and the value that this call sees. Notes what it read of others.
    fn look(&mut self, address: &Address) -> Option<(u64, Vec<u8>)> {
        if let Some((write, version)) = self.writes.get(address) {
            return write.value.clone().map(|value| (*version, value));
        }
        let found = self.committed.get(address);
        let version = found.map(|entry| entry.version);
        self.reads.insert(address.clone(), version);
        found.map(|entry| (entry.version % (1 << 52), entry.value.clone()))
    }

    fn get(&mut self, place: &Place, key: &Key) -> Heard<String> {
        self.may_read()?;
        let address = self.address(place, key)?;
        let found = self.look(&address);
        self.charge(found.as_ref().map_or(0, |(_, value)| value.len()))?;
        self.seen
            .insert(address, found.as_ref().map(|(version, _)| *version));
        Ok(found.map_or("none".into(), |(version, value)| {
            format!("{version} {value:?}")
        }))
    }

    fn write(
        &mut self,
        place: &Place,
        key: &Key,
        value: Option<&[u8]>,
        ttl_ms: Option<u64>,
    ) -> Heard<()> {
        self.may_write()?;
        let address = self.address(place, key)?;
        let bytes = value.map_or(0, <[u8]>::len);
        if bytes > self.limits.kv_value_bytes_max as usize {
            return Err("limited");
        }
        if ttl_ms == Some(0) {
            return Err("invalid");
        }
        let is_full = self.writes.len() >= self.limits.kv_writes_max as usize;
        if is_full && !self.writes.contains_key(&address) {
            return Err("limited");
        }
        self.charge(key.0.len() + bytes)?;
        if !place.is_owned() {
            return Err("not found");
        }
        self.writes_ever += 1;
        let (scope, key) = address.clone();
        let value = value.map(<[u8]>::to_vec);
        let write = KvWrite {
            scope,
            key,
            value,
            ttl_ms,
        };
        self.writes
            .insert(address, (write, (1 << 52) + self.writes_ever));
        Ok(())
    }

    fn swap(
        &mut self,
        place: &Place,
        key: &Key,
        expected: &Expected,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Heard<()> {
        self.may_write()?;
        let address = self.address(place, key)?;
        let expected = match expected {
            Expected::Seen => self.seen.get(&address).copied().flatten(),
            Expected::This(version) => *version,
        };
        let found = self.look(&address).map(|(version, _)| version);
        if found != expected {
            return Err("conflict");
        }
        self.write(place, key, Some(value), ttl_ms)
    }

    fn keys(
        &mut self,
        place: &Place,
        prefix: &str,
        after: Option<&String>,
        limit: u32,
    ) -> Heard<String> {
        self.may_read()?;
        let bytes_max = self.limits.kv_key_bytes_max as usize;
        if prefix.len() > bytes_max || after.is_some_and(|after| after.len() > bytes_max) {
            return Err("limited");
        }
        let scope = place.scope();
        let gone = |address: &&Address| {
            let written = self.writes.get(address);
            written.is_some_and(|(write, _)| write.value.is_none())
        };
        let mut keys: Vec<&str> = self
            .committed
            .keys()
            .chain(self.writes.keys())
            .filter(|address| address.0 == scope && !gone(address))
            .map(|(_, key)| key.as_str())
            .filter(|key| key.starts_with(prefix))
            .filter(|key| after.is_none_or(|after| *key > after.as_str()))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(limit.min(100) as usize);
        let told = format!("{keys:?}");
        let bytes = keys.iter().map(|key| key.len()).sum();
        self.charge(bytes)?;
        Ok(told)
    }

    /// All at one moment: what was added with no window at all is gone at once.
    fn count(&mut self, key: &Key, amount: Option<u32>, window_ms: u32) -> String {
        if !self.class.may_read() {
            return "0".into();
        }
        let counter = self.counters.entry(key.0.clone()).or_default();
        if let Some(amount) = amount.filter(|_| self.class.may_count()) {
            counter.1 = counter.1.max(window_ms);
            if counter.1 == 0 {
                counter.0 = 0;
            }
            counter.0 = counter.0.saturating_add(amount);
        }
        let sum = if window_ms == 0 { 0 } else { counter.0 };
        sum.to_string()
    }

    /// There is no way to refuse: what doesn't fit is dropped.
    fn figure(&mut self, name: &Key, change: Figure) -> Heard<String> {
        let done = Ok("done".into());
        let plain = |character| matches!(character, 'a'..='z' | '0'..='9' | '_');
        let (name, names_max) = (&name.0, self.limits.metrics_max as usize);
        let is_new = !self.figures.contains_key(name);
        if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
            return done;
        }
        if is_new && self.figures.len() >= names_max {
            return done;
        }
        let start = match change {
            Figure::Counter(_) => Figure::Counter(0),
            Figure::Gauge(value) => Figure::Gauge(value),
        };
        match (self.figures.entry(name.clone()).or_insert(start), change) {
            (Figure::Counter(count), Figure::Counter(more)) => *count = count.saturating_add(more),
            (Figure::Gauge(gauge), Figure::Gauge(value)) => *gauge = value,
            _ => {}
        }
        done
    }

    fn may_change_timer(&self, name: &Key) -> Heard<()> {
        self.may_write()?;
        if !(1..=128).contains(&name.0.len()) {
            return Err("invalid");
        }
        let is_full = self.timers.len() >= self.limits.timers_max as usize;
        (!is_full).then_some(()).ok_or("limited")
    }

    fn set_timer(&mut self, name: &Key, at_ms: u64, channel: &Id, payload: &Document) -> Heard<()> {
        self.may_change_timer(name)?;
        let now_ms = puppet::context().now_ms;
        if at_ms > now_ms + self.limits.timer_ahead_ms_max {
            return Err("invalid");
        }
        if payload.0.len() > self.limits.timer_payload_bytes_max as usize {
            return Err("limited");
        }
        check_json(payload)?;
        if !channel.0.is_empty() && channel.0 != CHANNEL {
            return Err("not found");
        }
        self.timers.push(TimerWrite::Set {
            name: name.0.clone(),
            at_ms,
            channel: channel.0.into(),
            payload: payload.0.clone(),
        });
        Ok(())
    }

    fn cancel_timer(&mut self, name: &Key) -> Heard<()> {
        self.may_change_timer(name)?;
        let name = name.0.clone();
        self.timers.push(TimerWrite::Cancel { name });
        Ok(())
    }

    fn send(&mut self, channel: &Id) -> Heard<String> {
        self.may_write()?;
        take(&mut self.sends, self.limits.sends_max)?;
        find(channel, CHANNEL)?;
        self.chat += 1;
        Ok((self.chat - 1).to_string())
    }

    fn change(&mut self, id: &Id, document: Option<&Document>) -> Heard<()> {
        self.may_write()?;
        take(&mut self.changes, self.limits.changes_max)?;
        document.map_or(Ok(()), check_json)?;
        find(id, MESSAGE)?;
        self.chat += 1;
        Ok(())
    }

    fn read(&self, reading: &Reading) -> Heard<String> {
        self.may_read()?;
        match reading {
            Reading::Channel(id) => find(id, CHANNEL).map(|()| CHANNEL.into()),
            Reading::Message(_) => Err("not found"),
            Reading::State(id) => find(id, MESSAGE).map(|()| "{}".into()),
            Reading::History(id, _) => find(id, CHANNEL).map(|()| "0".into()),
            Reading::Members(id, limit) => {
                find(id, CHANNEL).map(|()| (*limit.min(&100)).to_string())
            }
            Reading::Member(_, id) | Reading::User(id) => find(id, USER).map(|()| USER.into()),
            Reading::ChannelsOf(id, _) => find(id, USER).map(|()| format!("{:?}", [CHANNEL])),
        }
    }

    /// Who may write may reach out.
    fn fetch(&mut self) -> Heard<String> {
        self.may_write()?;
        take(&mut self.requests, self.limits.http_requests_max)?;
        Ok("0".into())
    }
}

/// Tries count, not successes.
fn take(used: &mut u32, max: u32) -> Heard<()> {
    if *used >= max {
        return Err("limited");
    }
    *used += 1;
    Ok(())
}

fn find(id: &Id, known: &str) -> Heard<()> {
    (id.0 == known).then_some(()).ok_or("not found")
}

fn check_json(document: &Document) -> Heard<()> {
    let read = serde_json::from_str::<serde_json::Value>(&document.0);
    read.map(drop).map_err(|_| "invalid")
}
