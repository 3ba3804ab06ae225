//! Host functions of `kv`. All sizes are checked here, so the store sees nothing that it would have
//! to refuse, but for quotas and conflicts.

use super::super::state::State;
use super::super::types::{Entry, HostError, Scope};
use super::wit::kv;
use super::{Room, invalid, limited};

impl kv::Host for State {
    async fn get(
        &mut self,
        scope: Scope,
        key: String,
    ) -> wasmtime::Result<Result<Option<Entry>, HostError>> {
        self.count()?;
        Ok(self.kv_get(scope, key).await)
    }

    async fn set(
        &mut self,
        scope: Scope,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self
            .kv_write("kv.set", scope, key, Some(value), ttl_ms)
            .await)
    }

    async fn swap(
        &mut self,
        scope: Scope,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.kv_swap(scope, key, expected, value, ttl_ms).await)
    }

    async fn delete(
        &mut self,
        scope: Scope,
        key: String,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.kv_write("kv.delete", scope, key, None, None).await)
    }

    async fn keys(
        &mut self,
        scope: Scope,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, HostError>> {
        self.count()?;
        Ok(self.kv_keys(scope, prefix, after, limit).await)
    }
}

impl State {
    async fn kv_get(&mut self, scope: Scope, key: String) -> Result<Option<Entry>, HostError> {
        self.check_read("kv.get")?;
        self.check_key(&key)?;
        let chat = self.chat()?;
        let found = self.done.kv.get(&*chat, scope, key).await?;
        self.charge(found.as_ref().map_or(0, |entry| entry.value.len()))?;
        Ok(found)
    }

    async fn kv_write(
        &mut self,
        function: &str,
        scope: Scope,
        key: String,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
    ) -> Result<(), HostError> {
        self.check_write(function)?;
        self.check_key(&key)?;
        let value_bytes = value.as_ref().map_or(0, Vec::len);
        let value_bytes_max = self.limits.kv_value_bytes_max as usize;
        if value_bytes > value_bytes_max {
            return Err(limited("bytes of a value", value_bytes_max));
        }
        if ttl_ms == Some(0) {
            return Err(invalid("ttl-ms must be at least 1"));
        }
        let writes_max = self.limits.kv_writes_max as usize;
        if self.done.kv.written() >= writes_max && !self.done.kv.has_written(&scope, &key) {
            return Err(limited("keys that a call writes", writes_max));
        }
        self.charge(key.len() + value_bytes)?;
        let chat = self.chat()?;
        self.done.kv.check_owner(&*chat, &scope).await?;
        if let Some(value) = &value {
            let most = Room {
                keys: self.limits.kv_writes_max.into(),
                bytes: self.limits.kv_bytes_max.into(),
            };
            let kv = &mut self.done.kv;
            if !kv.has_room(&*chat, most, &scope, &key, value.len()).await? {
                let detail = "the plugin keeps as many values, or bytes of them, as it may";
                return Err(HostError::Limited(detail.into()));
            }
        }
        self.done.kv.write(scope, key, value, ttl_ms);
        Ok(())
    }

    /// The read that it begins with is checked again at the commit, which makes the whole atomic.
    async fn kv_swap(
        &mut self,
        scope: Scope,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<(), HostError> {
        self.check_write("kv.swap")?;
        self.check_key(&key)?;
        let chat = self.chat()?;
        let kv = &mut self.done.kv;
        let found = kv.get(&*chat, scope.clone(), key.clone()).await?;
        if found.map(|entry| entry.version) != expected {
            return Err(HostError::Conflict);
        }
        self.kv_write("kv.swap", scope, key, Some(value), ttl_ms)
            .await
    }

    async fn kv_keys(
        &mut self,
        scope: Scope,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        self.check_read("kv.keys")?;
        for text in [Some(&prefix), after.as_ref()].into_iter().flatten() {
            if text.len() > self.limits.kv_key_bytes_max as usize {
                return Err(self.key_too_long());
            }
        }
        let chat = self.chat()?;
        let kv = &mut self.done.kv;
        let keys = kv.keys(&*chat, &scope, &prefix, after, limit).await?;
        self.charge(keys.iter().map(String::len).sum())?;
        Ok(keys)
    }

    fn check_key(&self, key: &str) -> Result<(), HostError> {
        if key.is_empty() {
            return Err(invalid("a key has at least one byte"));
        }
        if key.len() > self.limits.kv_key_bytes_max as usize {
            return Err(self.key_too_long());
        }
        Ok(())
    }

    fn key_too_long(&self) -> HostError {
        limited("bytes of a key", self.limits.kv_key_bytes_max)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), HostError> {
        let bytes_max = self.limits.kv_bytes_max as usize;
        self.done.kv_bytes = self.done.kv_bytes.saturating_add(bytes);
        if self.done.kv_bytes > bytes_max {
            return Err(limited("bytes that a call reads and writes", bytes_max));
        }
        Ok(())
    }
}
