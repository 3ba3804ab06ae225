//! Files that hold one key as a line of text: made on the first start, read on every other.
//!
//! A file that others may read is refused, for a key that leaked once stays leaked. Making one is
//! atomic: two hosts that start at once end up with the same key, and a crash leaves either a
//! whole file or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ring::rand::SecureRandom;

use super::{NoRandomness, Secret};

const FILE_BYTES_MAX: u64 = 4096;

/// Why a key file can't be used. The texts name paths: they are for the operator at start-up, not
/// for clients.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system said no.
    #[error("{path}: cannot {action} the key file: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, such as `read`.
        action: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// Somebody besides its owner can read the file.
    #[error("{path}: others can read this key file (mode {mode:04o}); run `chmod 600` on it")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular, small file of one line of text.
    #[error("{path}: not a key file: {reason}")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No key could be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl KeyFileError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyFileError::Io { .. } => "key_file_io",
            KeyFileError::TooOpen { .. } => "key_file_too_open",
            KeyFileError::NotAKey { .. } => "key_file_invalid",
            KeyFileError::NoRandomness(_) => "internal",
        }
    }
}

/// The key in the file at `path`, without surrounding white space. If there is no such file it is
/// made, with what `make` gives and mode 0600, along with its folder (mode 0700).
pub fn load_or_create(
    path: &Path,
    random: &dyn SecureRandom,
    make: impl FnOnce(&dyn SecureRandom) -> Result<Secret<String>, NoRandomness>,
) -> Result<Secret<String>, KeyFileError> {
    if let Some(key) = load(path)? {
        return Ok(key);
    }
    create(path, random, &make(random)?)?;
    // Read back rather than returned: another host may have been quicker.
    load(path)?.ok_or_else(|| not_a_key(path, "it was removed while the host started"))
}

/// The key in the file at `path`, without surrounding white space, if there is such a file.
pub fn load(path: &Path) -> Result<Option<Secret<String>>, KeyFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "open", error)),
    };
    // Of the open file, not of the path: the path may lead elsewhere a moment later.
    let metadata = file
        .metadata()
        .map_err(|error| failed(path, "read", error))?;
    if !metadata.is_file() {
        return Err(not_a_key(path, "it is not a regular file"));
    }
    check_mode(path, &metadata)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(path, "read", error))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(not_a_key(path, "it is larger than 4 KiB"));
    }
    match text.trim() {
        "" => Err(not_a_key(path, "it is empty")),
        key => Ok(Some(Secret::new(key.to_owned()))),
    }
}

/// Nobody but the owner; a file of root's may be read by its group, as container platforms mount
/// secrets.
#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o7777;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(KeyFileError::TooOpen {
        path: path.to_owned(),
        mode,
    })
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

fn create(
    path: &Path,
    random: &dyn SecureRandom,
    key: &Secret<String>,
) -> Result<(), KeyFileError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    create_folder(folder).map_err(|error| failed(path, "make the folder of", error))?;
    let mut number = [0; 8];
    random.fill(&mut number).map_err(NoRandomness::from)?;
    let draft = folder.join(format!(".key-{:016x}", u64::from_le_bytes(number)));
    let written = write_new(&draft, key).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // Also after a failure, so that no half-written key is left behind.
    let removed = fs::remove_file(&draft);
    written
        .and(removed)
        .map_err(|error| failed(path, "make", error))?;
    sync_folder(folder).map_err(|error| failed(path, "make", error))
}

fn write_new(path: &Path, key: &Secret<String>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{}\n", key.expose()).as_bytes())?;
    file.sync_all()
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Without it the new name may be gone after a power cut, and with it all that the key sealed.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

fn not_a_key(path: &Path, reason: &'static str) -> KeyFileError {
    KeyFileError::NotAKey {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use ring::rand::SystemRandom;

    use super::*;

    fn load_or_make(path: &Path, key: &str) -> Result<String, KeyFileError> {
        load_or_create(path, &SystemRandom::new(), |_| {
            Ok(Secret::new(key.to_owned()))
        })
        .map(Secret::into_exposed)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_is_made_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/deep/secret.key");
        assert_eq!(load_or_make(&path, "first").unwrap(), "first");
        assert_eq!(load_or_make(&path, "second").unwrap(), "first");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o7777,
            0o700
        );
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft is left: {left:?}");
    }

    #[test]
    fn hosts_that_start_at_once_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let hosts: Vec<_> = (0..8)
                .map(|host| {
                    let path = &path;
                    scope.spawn(move || load_or_make(path, &format!("key-{host}")).unwrap())
                })
                .collect();
            hosts.into_iter().map(|host| host.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        load_or_make(&path, "k").unwrap();
        for mode in [0o644, 0o604, 0o602, 0o660, 0o601] {
            set_mode(&path, mode);
            let error = load_or_make(&path, "k").unwrap_err();
            assert_eq!(error.code(), "key_file_too_open");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        for mode in [0o600, 0o400] {
            set_mode(&path, mode);
            assert_eq!(load_or_make(&path, "other").unwrap(), "k");
        }
    }

    #[test]
    fn a_link_is_followed_to_the_file_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        load_or_make(&file, "k").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(load_or_make(&link, "other").unwrap(), "k");
        set_mode(&file, 0o644);
        assert_eq!(
            load_or_make(&link, "other").unwrap_err().code(),
            "key_file_too_open"
        );
    }

    #[test]
    fn what_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for contents in [&b""[..], b" \n", &[b'a'; 4097]] {
            fs::write(&path, contents).unwrap();
            set_mode(&path, 0o600);
            assert_eq!(
                load_or_make(&path, "k").unwrap_err().code(),
                "key_file_invalid"
            );
        }
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(load_or_make(&path, "k").unwrap_err().code(), "key_file_io");
        assert_eq!(
            load_or_make(folder.path(), "k").unwrap_err().code(),
            "key_file_invalid"
        );
        assert_eq!(
            load_or_make(&path.join("x"), "k").unwrap_err().code(),
            "key_file_io"
        );
    }
}
