//! Where the bytes of uploaded files are. A folder today; all of it goes through `object_store`, so that
//! another place is a matter of opening another store. Knows nothing of who may do what with a file.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};
use ring::digest::{Context, SHA256};

use crate::model::{AppId, FileId};

/// What a file begins with, for those who look at it.
pub const HEAD_BYTES_MAX: usize = 4096;
/// A store of another kind takes no smaller parts than this.
const PART_BYTES: usize = 5 << 20;
/// Parts that are being written at once for one file.
const PARTS_AT_ONCE_MAX: usize = 2;

/// The store of all files.
#[derive(Debug, Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
}

/// A file that is coming in. Dropped before it is complete, nothing of it stays.
pub struct Incoming {
    parts: WriteMultipart,
    digest: Context,
    /// So many so far.
    pub bytes: u64,
    /// The first of them.
    pub head: Vec<u8>,
}

impl Files {
    /// Keeps them in a folder, which is made if it isn't there. A file is on disk once it is complete.
    ///
    /// # Errors
    /// When the folder can't be made or opened.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Begins to take in a file under these ids.
    pub async fn begin(&self, app: AppId, id: FileId) -> io::Result<Incoming> {
        let upload = self.store.put_multipart(&path(app, id)).await?;
        Ok(Incoming {
            parts: WriteMultipart::new_with_chunk_size(upload, PART_BYTES),
            digest: Context::new(&SHA256),
            bytes: 0,
            head: Vec::new(),
        })
    }

    /// The bytes of a file, or some of them. `NotFound` if there are none under these ids.
    pub async fn read(
        &self,
        app: AppId,
        id: FileId,
        range: Option<Range<u64>>,
    ) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&path(app, id), options).await?;
        Ok(found.into_stream().map_err(io::Error::from).boxed())
    }

    /// Removes what is at a path that [`removed`] or [`all_of`] gave. Nothing there is as good.
    pub async fn remove(&self, path: &str) -> io::Result<()> {
        let object = ObjectPath::from(path.trim_end_matches('/'));
        if !path.ends_with('/') {
            return gone(self.store.delete(&object).await);
        }
        let mut files = self.store.list(Some(&object));
        while let Some(file) = files.try_next().await? {
            gone(self.store.delete(&file.location).await)?;
        }
        Ok(())
    }
}

impl Incoming {
    /// Takes some more.
    pub async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.parts.wait_for_capacity(PARTS_AT_ONCE_MAX).await?;
        self.bytes += bytes.len() as u64;
        self.digest.update(&bytes);
        let missing = HEAD_BYTES_MAX.saturating_sub(self.head.len());
        self.head
            .extend_from_slice(&bytes[..missing.min(bytes.len())]);
        self.parts.put(bytes);
        Ok(())
    }

    /// The SHA-256 of what has come so far, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        let digest = self.digest.clone().finish();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Keeps it, for good.
    pub async fn complete(self) -> io::Result<()> {
        self.parts.finish().await?;
        Ok(())
    }

    /// Throws it away.
    pub async fn abort(self) -> io::Result<()> {
        Ok(self.parts.abort().await?)
    }
}

/// Where a file is.
pub fn removed(app: AppId, id: FileId) -> String {
    format!("{app}/{id}")
}

/// Where all of an app are.
pub fn all_of(app: AppId) -> String {
    format!("{app}/")
}

fn path(app: AppId, id: FileId) -> ObjectPath {
    ObjectPath::from(removed(app, id))
}

fn gone(result: object_store::Result<()>) -> io::Result<()> {
    match result {
        Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_there_when_it_is_complete_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path()).unwrap();
        let (app, id) = (AppId(1), FileId(2));
        let mut incoming = files.begin(app, id).await.unwrap();
        incoming.push(Bytes::from_static(b"hello ")).await.unwrap();
        incoming.push(Bytes::from_static(b"world")).await.unwrap();
        assert_eq!(
            (incoming.bytes, incoming.head.as_slice()),
            (11, &b"hello world"[..])
        );
        assert!(incoming.sha256().starts_with("b94d27b9934d3e08"));
        let not_yet = files.read(app, id, None).await.err().unwrap();
        assert_eq!(not_yet.kind(), io::ErrorKind::NotFound);
        incoming.complete().await.unwrap();
        let all: Vec<Bytes> = files
            .read(app, id, None)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(all.concat(), b"hello world");
        let some = files.read(app, id, Some(6..11)).await.unwrap();
        assert_eq!(
            some.try_collect::<Vec<Bytes>>().await.unwrap().concat(),
            b"world"
        );

        let mut refused = files.begin(app, FileId(3)).await.unwrap();
        refused.push(Bytes::from_static(b"x")).await.unwrap();
        refused.abort().await.unwrap();
        assert!(files.read(app, FileId(3), None).await.is_err());

        files.remove(&removed(app, FileId(9))).await.unwrap();
        files.remove(&all_of(app)).await.unwrap();
        assert!(files.read(app, id, None).await.is_err());
        files.remove(&all_of(app)).await.unwrap();
    }
}
