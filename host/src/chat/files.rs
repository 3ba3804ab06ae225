//! Files: taken in, shown in messages, read.
//!
//! A file belongs to whoever uploaded it. Others read it where a message shows it that they may read;
//! a message that is gone shows nothing. Browsers can't put a token to what a page names, so reading
//! goes by a link that is signed and holds for a while.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::access::{self, Actor, Caller};
use super::chain::Content;
use super::{cursor, gates, valid};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::files::Incoming;
use crate::model::{AppId, File, FileId, Millis, UserId};
use crate::plugins::UploadedFile;
use crate::store::proof::{Member, Standing, Tenant};
use crate::wire::{self, View};

const NAME_BYTES_MAX: usize = 255;
const TYPE_BYTES_MAX: usize = 100;

/// What somebody says of a file that it is about to send.
pub struct Announced {
    pub name: String,
    /// The `Content-Type`; empty if there is none.
    pub media_type: String,
}

/// A file that is coming in.
pub struct Upload {
    actor: Actor,
    announced: Announced,
    id: FileId,
    incoming: Incoming,
    bytes_max: u64,
}

/// Begins to take in a file.
///
/// # Errors
/// `limit_reached` when the app has as many bytes as it may.
pub async fn begin(app: &App, caller: &Caller, announced: Announced) -> Result<Upload> {
    let actor = access::actor(caller)?;
    if !announced.name.is_empty() {
        valid::name("name", &announced.name, NAME_BYTES_MAX)?;
    }
    let limits = &app.config.files;
    let used = app.store.count_file_bytes(actor.tenant()).await?;
    let left = limits.app_bytes_max.saturating_sub(used.unsigned_abs());
    if left == 0 {
        return Err(full());
    }
    let id = FileId(app.store.next_id());
    let begun = app.files.begin(actor.tenant().app(), id).await;
    Ok(Upload {
        incoming: begun.map_err(Error::internal)?,
        bytes_max: limits.bytes_max.min(left),
        actor,
        announced,
        id,
    })
}

fn full() -> Error {
    Error::new(Code::LimitReached, "The app keeps as many files as it may.")
}

impl Upload {
    /// Takes some more.
    ///
    /// # Errors
    /// `too_large`, once there is more than one file may have.
    pub async fn push(&mut self, app: &App, bytes: Bytes) -> Result<()> {
        if self.incoming.bytes + bytes.len() as u64 > self.bytes_max {
            let max = app.config.files.bytes_max;
            return Err(match self.bytes_max < max {
                true => full(),
                false => {
                    let detail = format!("A file may have at most {max} bytes.");
                    Error::new(Code::TooLarge, detail)
                }
            });
        }
        self.incoming.push(bytes).await.map_err(Error::internal)
    }

    /// Keeps it, if the app's plugins agree.
    ///
    /// # Errors
    /// `file_rejected` when one does not; nothing of the file stays then.
    pub async fn finish(self, app: &App) -> Result<File> {
        let incoming = self.incoming;
        let media_type = media_type(&incoming.head, &self.announced.media_type);
        let file = File {
            id: self.id,
            owner: self
                .actor
                .user()
                .map(ToString::to_string)
                .unwrap_or_default(),
            name: self.announced.name,
            media_type,
            bytes: i64::try_from(incoming.bytes).map_err(Error::internal)?,
            sha256: incoming.sha256(),
            created_at: app.clock.now(),
        };
        let asked = UploadedFile {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes: incoming.bytes,
            sha256: file.sha256.clone(),
        };
        let head = incoming.head.clone();
        if let Err(refused) = gates::keep(app, &self.actor, asked, head).await {
            let _ = incoming.abort().await;
            return Err(refused);
        }
        incoming.complete().await.map_err(Error::internal)?;
        app.store
            .add_file(self.actor.tenant(), file.clone())
            .await?;
        Ok(file)
    }

    /// Throws away what has come.
    pub async fn abort(self) {
        let _ = self.incoming.abort().await;
    }
}

/// What a file is: what its bytes say, else what its sender says, if that is a media type.
fn media_type(head: &[u8], said: &str) -> String {
    if let Some(known) = infer::get(head) {
        return known.mime_type().to_owned();
    }
    let said = said
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_token = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !part.is_empty() && part.bytes().all(plain)
    };
    match said.split_once('/') {
        Some((kind, of)) if is_token(kind) && is_token(of) && said.len() <= TYPE_BYTES_MAX => said,
        _ => "application/octet-stream".to_owned(),
    }
}

/// A file that the caller may read: its own, one that a message shows it, as the backend any.
pub async fn get(app: &App, caller: &Caller, id: FileId) -> Result<File> {
    let actor = access::actor(caller)?;
    let found = app.store.find_file(actor.tenant(), id).await?;
    let file = found.ok_or_else(none)?;
    match may_read(app, actor.tenant(), actor.user(), &file).await? {
        true => Ok(file),
        false => Err(none()),
    }
}

fn none() -> Error {
    Error::not_found("file")
}

async fn may_read(app: &App, tenant: Tenant, user: Option<&UserId>, file: &File) -> Result<bool> {
    match user {
        None => Ok(true),
        Some(user) if user.as_str() == file.owner => Ok(true),
        Some(user) => app.store.is_shown_to(tenant, file.id, user).await,
    }
}

/// Files of one person, new to old: one's own, or as the backend anybody's.
pub async fn list(
    app: &App,
    caller: &Caller,
    owner: Option<UserId>,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<File>, Option<String>)> {
    let actor = access::actor(caller)?;
    let own = actor.user().cloned();
    if own.is_some() && owner.is_some() && own != owner {
        return Err(Error::forbidden("Users list their own files alone."));
    }
    let owner = own.or(owner);
    let owner = owner.as_ref().map_or("", UserId::as_str);
    let limit = valid::limit(app, limit, 50)?;
    let list = format!("files {} {owner}", actor.tenant().app());
    let bad = || Error::new(Code::BadCursor, "The cursor was not given by this list.");
    let before = match next {
        Some(next) => Some(cursor::read(app, &list, next)?.parse().map_err(|_| bad())?),
        None => None,
    };
    let files = app
        .store
        .list_files(actor.tenant(), owner, before, limit + 1)
        .await?;
    Ok(super::tenants::page(app, &list, files, limit, |file| {
        file.id.to_string()
    }))
}

/// Removes a file: one's own, as the backend anybody's. Messages that show it show nothing then.
pub async fn remove(app: &App, caller: &Caller, id: FileId) -> Result<()> {
    let actor = access::actor(caller)?;
    let file = get(app, caller, id).await?;
    if actor.user().is_some_and(|user| user.as_str() != file.owner) {
        return Err(Error::forbidden("Only who uploaded a file removes it."));
    }
    app.store.remove_file(actor.tenant(), id).await?;
    app.removed.notify_one();
    Ok(())
}

/// A link to the bytes of a file, and until when it holds.
pub fn link(app: &App, of: AppId, id: FileId) -> (String, Millis) {
    // To the minute, so that a page which asks again soon finds the file in its cache.
    let lifetime = app.config.files.link_lifetime_s.saturating_mul(1000);
    let now = app.clock.now();
    let expires = now - now.rem_euclid(60_000) + i64::try_from(lifetime).unwrap_or(i64::MAX / 2);
    let token = cursor::make(app, &linked(of, id), &expires.to_string());
    (format!("/v1/apps/{of}/files/{id}?link={token}"), expires)
}

fn linked(of: AppId, id: FileId) -> String {
    format!("link {of} {id}")
}

/// A file that somebody has a link to, and until when the link holds.
///
/// # Errors
/// `not_found` for a link that was not made here or holds no longer, and for a file that is gone.
pub async fn follow(app: &App, of: AppId, id: FileId, token: &str) -> Result<(File, Millis)> {
    let expires = cursor::read(app, &linked(of, id), token).map_err(|_| none())?;
    let expires: Millis = expires.parse().map_err(|_| none())?;
    if expires <= app.clock.now() {
        return Err(none());
    }
    let tenant = access::host(of).tenant();
    let file = app.store.find_file(tenant, id).await?.ok_or_else(none)?;
    Ok((file, expires))
}

/// The bytes of a file, or some of them.
pub async fn read(
    app: &App,
    of: AppId,
    file: &File,
    range: Option<Range<u64>>,
) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
    match app.files.read(of, file.id, range).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(none()),
        Err(error) => Err(Error::internal(error)),
    }
}

/// The data of a message that shows a file, as a client sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    file_id: FileId,
    #[serde(default)]
    text: String,
    // What the host adds comes back with a guard's change of the caption.
    #[serde(default, rename = "name")]
    _name: String,
    #[serde(default, rename = "media_type")]
    _media_type: String,
    #[serde(default, rename = "bytes")]
    _bytes: i64,
}

/// The same as others get it.
#[derive(Serialize)]
struct Shown<'a> {
    file_id: FileId,
    name: &'a str,
    media_type: &'a str,
    bytes: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
}

/// The data of such a message with another caption; none if it has none, for then its text is the file's name.
pub(super) fn with_caption(data: &str, caption: &str) -> Option<String> {
    let mut data: serde_json::Value = serde_json::from_str(data).ok()?;
    *data.get_mut("text")? = caption.into();
    Some(data.to_string())
}

/// Checks a message that shows a file: one that its sender may read (the backend any), and of this kind.
pub(super) async fn content(app: &App, member: &Member, kind: &str, data: &str) -> Result<Content> {
    let sent: Sent = serde_json::from_str(data).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        Error::invalid("data", format!("must be an object with `file_id`: {said}"))
    })?;
    let max = app.config.limits.text_bytes_max;
    if sent.text.len() > max || sent.text.contains('\0') {
        let message = format!("must have at most {max} bytes, and no NUL characters");
        return Err(Error::invalid("data.text", message));
    }
    let missing = || Error::invalid("data.file_id", "there is no such file");
    let found = app.store.find_file(member.tenant(), sent.file_id).await?;
    let file = found.ok_or_else(missing)?;
    // The backend shows any file of the app, for whomever it sends.
    let reader = match member.standing() {
        Standing::Backend => None,
        _ => member.user(),
    };
    if !may_read(app, member.tenant(), reader, &file).await? {
        return Err(missing());
    }
    if kind != "file" && !file.media_type.starts_with(&format!("{kind}/")) {
        let message = format!("is `{}`, which is no {kind}", file.media_type);
        return Err(Error::invalid("data.file_id", message));
    }
    let shown = Shown {
        file_id: file.id,
        name: &file.name,
        media_type: &file.media_type,
        bytes: file.bytes,
        text: &sent.text,
    };
    let text = match (sent.text.is_empty(), file.name.is_empty()) {
        (false, _) => sent.text.clone(),
        (true, false) => file.name.clone(),
        (true, true) => kind.to_owned(),
    };
    let view = View {
        text: text.clone(),
        blocks: Vec::new(),
    };
    Ok(Content {
        kind: kind.to_owned(),
        text,
        // Readers get it in the data.
        words: Vec::from_iter(Some(file.name.clone()).filter(|name| !name.is_empty())),
        data: wire::to_json(&shown),
        view: Some(wire::to_json(&view)),
        state: None,
        file: Some(file.id),
    })
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn bytes_say_more_than_their_sender() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert_eq!(media_type(png, "text/html"), "image/png");
        assert_eq!(
            media_type(b"hello", "Text/Plain; charset=utf-8"),
            "text/plain"
        );
        for odd in ["", "text", "text/", "/plain", "text/pl ain", "a/b\r\nx: y"] {
            assert_eq!(
                media_type(b"hello", odd),
                "application/octet-stream",
                "{odd}"
            );
        }
    }
}
