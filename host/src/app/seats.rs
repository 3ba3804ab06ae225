//! Who sits in which channel, as far as somebody asked lately. Saves a look-up for each send. An
//! entry may be a moment old, so nothing is decided by it alone: the transaction that stores a
//! message looks at the table itself.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::model::{AppId, Channel, ChannelId, ChannelKey, Role, UserId};

/// The cache.
pub struct Seats {
    keys: Cache<(AppId, ChannelId), ChannelKey>,
    channels: Cache<ChannelKey, Arc<Channel>>,
    roles: Cache<(ChannelKey, UserId), Role>,
}

impl Default for Seats {
    fn default() -> Self {
        // Short, because another host may change what is kept here.
        let life = Duration::from_secs(5);
        Self {
            keys: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(life)
                .build(),
            channels: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(life)
                .build(),
            roles: Cache::builder()
                .max_capacity(200_000)
                .time_to_live(life)
                .build(),
        }
    }
}

impl Seats {
    /// The channel and the user's role in it.
    pub fn find(
        &self,
        app: AppId,
        channel: &ChannelId,
        user: &UserId,
    ) -> Option<(Arc<Channel>, Role)> {
        let key = self.keys.get(&(app, channel.clone()))?;
        Some((
            self.channels.get(&key)?,
            self.roles.get(&(key, user.clone()))?,
        ))
    }

    /// Keeps what was just read.
    pub fn keep(&self, channel: Arc<Channel>, user: UserId, role: Role) {
        self.keys
            .insert((channel.app_id, channel.id.clone()), channel.key);
        self.roles.insert((channel.key, user), role);
        self.channels.insert(channel.key, channel);
    }

    /// Forgets a user's seat.
    pub fn forget_seat(&self, channel: ChannelKey, user: &UserId) {
        self.roles.invalidate(&(channel, user.clone()));
    }

    /// Forgets a channel.
    pub fn forget_channel(&self, channel: ChannelKey) {
        self.channels.invalidate(&channel);
    }
}
