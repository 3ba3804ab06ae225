//! The records that cross into a plugin and out of it, under the names that the rest of the host
//! uses. They are the generated ones: a call lends them to the guest without copying them first.

use super::bindings::althing::plugin as host;
use super::bindings::exports::althing::plugin as guest;

pub use guest::commands::{Choice, Command};
pub use guest::endpoint::{Request as EndpointRequest, Response as EndpointResponse};
pub use guest::events::Event;
pub use guest::feed::Candidate;
pub use guest::file_guard::File as UploadedFile;
pub use guest::interactions::Interaction;
pub use guest::lifecycle::SettingFault as CheckedSetting;
pub use guest::membership_guard::Seat;
pub use guest::message_guard::{Patch, Verdict};
pub use guest::message_kind::{Created, Shown};
pub use host::chat_read::{Channel, Member, User};
pub use host::chat_write::Post;
pub use host::http::{
    Header as HttpHeader, HeaderValue as HttpHeaderValue, Request as HttpRequest,
    Response as HttpResponse, Secret as HttpSecret,
};
pub use host::kv::{Entry, Scope};
pub use host::log::Level;
pub use host::types::{
    Context, Draft, Error as HostError, Json, Message, Rejection, Reply, Role, View,
};
