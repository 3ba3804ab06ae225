//! Host functions of `chat-read`, `chat-write` and `chat-attach`. Reads are passed on; writes are prepared by the
//! chat layer and collected.

use super::super::state::State;
use super::super::types::{Channel, HostError, Member, Message, Post, User};
use super::wit::{chat_attach, chat_read, chat_write};
use super::{check_json, limited};

/// The longest page of messages or members, as the contract has it.
const PAGE_MAX: u32 = 100;

impl chat_read::Host for State {
    async fn get_channel(&mut self, id: String) -> wasmtime::Result<Result<Channel, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.get-channel")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.channel(&id).await,
                Err(error) => Err(error),
            },
        )
    }

    async fn get_message(&mut self, id: String) -> wasmtime::Result<Result<Message, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.get-message")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.message(&id).await,
                Err(error) => Err(error),
            },
        )
    }

    async fn get_state(&mut self, id: String) -> wasmtime::Result<Result<String, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.get-state")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.state(&id).await,
                Err(error) => Err(error),
            },
        )
    }

    async fn history(
        &mut self,
        channel: String,
        before: Option<u64>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<Message>, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.history")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.history(&channel, before, limit.min(PAGE_MAX)).await,
                Err(error) => Err(error),
            },
        )
    }

    async fn members(
        &mut self,
        channel: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<Member>, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.members")
                .and_then(|()| self.chat())
            {
                Ok(chat) => {
                    chat.members(&channel, after.as_deref(), limit.min(PAGE_MAX))
                        .await
                }
                Err(error) => Err(error),
            },
        )
    }

    async fn get_member(
        &mut self,
        channel: String,
        user: String,
    ) -> wasmtime::Result<Result<Member, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.get-member")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.member(&channel, &user).await,
                Err(error) => Err(error),
            },
        )
    }

    async fn channels_of(
        &mut self,
        user: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.channels-of")
                .and_then(|()| self.chat())
            {
                Ok(chat) => {
                    chat.channels_of(&user, after.as_deref(), limit.min(PAGE_MAX))
                        .await
                }
                Err(error) => Err(error),
            },
        )
    }

    async fn get_user(&mut self, id: String) -> wasmtime::Result<Result<User, HostError>> {
        self.count()?;
        Ok(
            match self
                .check_read("chat-read.get-user")
                .and_then(|()| self.chat())
            {
                Ok(chat) => chat.user(&id).await,
                Err(error) => Err(error),
            },
        )
    }
}

impl chat_write::Host for State {
    async fn send(
        &mut self,
        channel: String,
        post: Post,
    ) -> wasmtime::Result<Result<String, HostError>> {
        self.count()?;
        Ok(self.prepare_send(&channel, post).await)
    }

    async fn edit(&mut self, id: String, post: Post) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.prepare_edit(&id, post).await)
    }

    async fn delete(&mut self, id: String) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.prepare_delete(&id).await)
    }

    async fn act(
        &mut self,
        id: String,
        action: String,
        value: String,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.prepare_act(&id, &action, &value).await)
    }

    async fn progress(
        &mut self,
        id: String,
        post: Post,
    ) -> wasmtime::Result<Result<bool, HostError>> {
        self.count()?;
        Ok(self.show_progress(id, post).await)
    }
}

impl chat_attach::Host for State {
    async fn attach(
        &mut self,
        id: String,
        blocks: String,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.prepare_attach(&id, &blocks).await)
    }
}

impl State {
    async fn prepare_send(&mut self, channel: &str, post: Post) -> Result<String, HostError> {
        self.check_write("chat-write.send")?;
        // Tries count, not successes: each runs guards.
        let sends_max = self.limits.sends_max;
        if self.done.sends >= sends_max {
            return Err(limited("messages that a call sends", sends_max));
        }
        self.done.sends += 1;
        let chat = self.chat()?;
        let pending = &self.done.effects.chat;
        let (id, effect) = chat.prepare_send(channel, post, pending).await?;
        self.done.effects.chat.push(effect);
        Ok(id)
    }

    async fn prepare_edit(&mut self, id: &str, post: Post) -> Result<(), HostError> {
        self.count_change("chat-write.edit")?;
        let chat = self.chat()?;
        let effect = chat.prepare_edit(id, post, &self.done.effects.chat).await?;
        self.done.effects.chat.push(effect);
        Ok(())
    }

    async fn prepare_delete(&mut self, id: &str) -> Result<(), HostError> {
        self.count_change("chat-write.delete")?;
        let chat = self.chat()?;
        let pending = &self.done.effects.chat;
        let effect = chat.prepare_delete(id, self.moderates, pending).await?;
        self.done.effects.chat.push(effect);
        Ok(())
    }

    async fn prepare_act(&mut self, id: &str, action: &str, value: &str) -> Result<(), HostError> {
        self.count_change("chat-write.act")?;
        check_json("the value", value)?;
        let chat = self.chat()?;
        let pending = &self.done.effects.chat;
        let effect = chat.prepare_act(id, action, value, pending).await?;
        self.done.effects.chat.push(effect);
        Ok(())
    }

    async fn show_progress(&mut self, id: String, post: Post) -> Result<bool, HostError> {
        self.check_write("chat-write.progress")?;
        let bytes = post.body.len() + post.blocks.len();
        if self.aside || !self.done.progress.may_show(bytes, &self.limits) {
            return Ok(false);
        }
        self.done.is_noticed = true;
        let seen = self.done.progress.revisions.get(&id).copied();
        let now = self.chat()?.progress(&id, post, seen).await?;
        self.done.progress.revisions.insert(id, now);
        match seen.is_none_or(|seen| seen == now) {
            true => Ok(true),
            false => Err(HostError::Conflict),
        }
    }

    async fn prepare_attach(&mut self, id: &str, blocks: &str) -> Result<(), HostError> {
        self.count_change("chat-attach.attach")?;
        if !blocks.is_empty() {
            check_json("the list of blocks", blocks)?;
        }
        let chat = self.chat()?;
        let pending = &self.done.effects.chat;
        let effect = chat.prepare_attach(id, blocks, pending).await?;
        self.done.effects.chat.push(effect);
        Ok(())
    }

    fn count_change(&mut self, function: &str) -> Result<(), HostError> {
        self.check_write(function)?;
        let changes_max = self.limits.changes_max;
        if self.done.changes >= changes_max {
            return Err(limited(
                "edits, deletions, actions and attachments of a call",
                changes_max,
            ));
        }
        self.done.changes += 1;
        Ok(())
    }
}
