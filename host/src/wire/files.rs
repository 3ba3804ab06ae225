//! Uploaded files.

use serde::Serialize;

use crate::model::FileId;

/// An uploaded file.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct File {
    /// `fil_` and 16 hex digits.
    pub id: FileId,
    /// As it was called when it was uploaded; may be empty.
    pub name: String,
    /// What its bytes say it is, else what its sender said.
    pub media_type: String,
    /// How many it has.
    pub bytes: i64,
    /// The SHA-256 of its bytes, 64 hex digits.
    pub sha256: String,
    /// The user who uploaded it; absent for the app's backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// Where its bytes are, on this host, for whoever has this link. A browser can put it into a page.
    pub url: String,
    /// Until when the link holds; ask for the file again to get another. RFC 3339.
    pub url_expires_at: String,
}

/// A page of files.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FileList {
    /// Files, new to old.
    pub files: Vec<File>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
