//! What files may take.

use std::path::PathBuf;

use super::section::settings;
use super::value::within;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

settings! {
    /// Uploaded files.
    struct Files in "files" {
        /// The folder for them. If unset, `files` in the data folder.
        dir: Option<PathBuf> = None;
        example "\"/var/lib/althing-files\"";
        /// The largest file, in bytes.
        bytes_max: u64 = 50 * MIB, within(1024..=100 * GIB);
        /// What the files of an app may take together, in bytes.
        app_bytes_max: u64 = 20 * GIB, within(0..=1024 * 1024 * GIB);
        /// The time for uploading a file, in milliseconds.
        upload_timeout_ms: u64 = 600_000, within(1000..=86_400_000);
        /// How long a link to a file holds, in seconds.
        link_lifetime_s: u64 = 3600, within(60..=604_800);
        /// How long a file is kept that no message shows, in seconds. Those of backends stay.
        not_shown_kept_s: u64 = 604_800, within(60..=315_360_000);
    }
}

impl Files {
    /// Small ones, so that a limit is soon reached.
    pub fn for_testing() -> Self {
        Self {
            bytes_max: MIB,
            app_bytes_max: 16 * MIB,
            ..Self::default()
        }
    }
}
