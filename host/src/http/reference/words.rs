//! What examples say: texts and numbers for fields of which a schema says no more than their type.

use serde_json::Value;

/// What texts in examples say where the schema says no more than that they are texts: by field, or
/// by shape and field.
const TEXTS: &[(&str, &str)] = &[
    ("action", "vote"),
    ("algorithm", "EdDSA"),
    ("allowed_ips", "10.0.0.0/8"),
    ("allowed_origins", "https://shop.example"),
    ("allows", "Do something at a later time."),
    ("at", "2026-03-01T12:00:00.000Z"),
    ("channel_id", "lunch"),
    ("client_id", "3f0d9a52"),
    ("code", "invalid"),
    ("description", "Asks the channel a question."),
    ("detail", "`name`: must not be empty"),
    ("digest", "41d9eea6eacb9b5b…"),
    ("email", "ops@acme.example"),
    ("epoch", "5b1f2c9a7e3d4860"),
    ("event", "message.new"),
    ("events", "message.new"),
    ("expires_at", "2026-03-01T13:00:00.000Z"),
    ("exports", "message-kind"),
    ("field", "name"),
    ("from", "alice"),
    ("grants", "timers"),
    ("hint", "srk_…x9Qz"),
    ("icon", "https://shop.example/lunch.png"),
    ("image", "https://shop.example/alice.png"),
    ("imports", "timers"),
    ("key", "srk_4fJc…x9Qz"),
    ("kid", "2026-03"),
    ("label", "Pizza"),
    ("level", "info"),
    ("members", "bob"),
    ("message", "must not be empty"),
    ("next", "NDI0NzBmMGE"),
    ("online", "alice"),
    ("own_capabilities", "send"),
    ("owner", "alice"),
    ("plugin", "poll"),
    ("prev", "MzcxNTBmMGE"),
    ("reason", "Wakes up when a poll's time is over."),
    ("request_id", "req_5f0c2a9be41d7730"),
    ("secret", "srk_4fJc…x9Qz"),
    ("tags", "food"),
    ("text", "Pizza?"),
    ("title", "Polls"),
    ("to", "*"),
    ("token", "eyJhbGciOi…"),
    ("type", "text"),
    ("types", "post"),
    ("uploaded_at", "2026-03-01T12:00:00.000Z"),
    ("usage", "<question> <option>…"),
    ("user_id", "alice"),
    ("user_ids", "bob"),
    ("value", "Pizza"),
    ("version", "1.4.0"),
    ("App.name", "Shop"),
    ("Channel.id", "lunch"),
    ("Channel.name", "Lunch"),
    ("Channel.type", "messaging"),
    ("ChangeApp.name", "Shop"),
    ("ChangeChannel.name", "Lunch"),
    ("ChangeChannel.type", "messaging"),
    ("ChangeOrg.name", "Acme"),
    ("ChangeUser.name", "Alice"),
    ("Command.name", "poll"),
    ("Component.name", "poll"),
    ("CreatedOrg.key", "ogk_7Wd2…Lm0p"),
    ("Feed.name", "posts"),
    ("Feed.title", "Posts"),
    ("HeldMessage.reason", "Has a link."),
    ("Key.name", "worker"),
    ("Kind.name", "poll"),
    ("LogLine.message", "closed 2 polls"),
    ("NewApp.name", "Shop"),
    ("NewChannel.id", "lunch"),
    ("NewChannel.name", "Lunch"),
    ("NewChannel.type", "messaging"),
    ("NewKey.name", "worker"),
    ("NewOrg.name", "Acme"),
    ("NewSigningKey.secret", "c2VjcmV0LXNl…"),
    ("Org.name", "Acme"),
    ("OneUser.user_id", "bob"),
    ("Participant.name", "Alice"),
    ("Permission.name", "timers"),
    ("Plugin.name", "poll"),
    ("RunCommand.name", "poll"),
    ("RunCommand.text", "\"Lunch?\" \"Pizza\" \"Salad\""),
    ("SetUser.id", "alice"),
    ("SetUser.name", "Alice"),
    ("User.id", "alice"),
    ("User.name", "Alice"),
    ("plugins.name", "poll"),
];

/// Fields that examples leave out where they may: what is rarely there says little.
const RARE: &[&str] = &[
    "as",
    "audience",
    "banner",
    "deactivated_at",
    "deleted_at",
    "edited_at",
    "fault",
    "jwks",
    "overlap_s",
    "public_key",
    "replayed",
    "Key.expires_at",
    "Key.secret",
    "User.plugin",
];

/// Whether examples leave the field out where they may.
pub fn is_rare(shape: &str, name: &str) -> bool {
    RARE.iter().any(|rare| match rare.split_once('.') {
        Some((of, field)) => of == shape && field == name,
        None => *rare == name,
    })
}

/// The text of the field `name` of the shape `of`.
pub fn text(schema: &Value, of: &str, name: &str) -> String {
    let own_id = schema["pattern"].as_str().and_then(|pattern| {
        let prefix = pattern.strip_prefix('^')?.split_once("_[0-9a-f]{16}$")?.0;
        Some(format!("{prefix}_19ca9450a0020a31"))
    });
    if let Some(id) = own_id {
        return id;
    }
    if schema["format"] == "date-time" {
        return "2026-03-01T12:00:00.000Z".into();
    }
    let exact = format!("{of}.{name}");
    let found = TEXTS
        .iter()
        .find(|(known, _)| *known == exact)
        .or_else(|| TEXTS.iter().find(|(known, _)| *known == name));
    found.map_or("…", |(_, text)| text).to_owned()
}

/// The number of the field `name`.
pub fn number(name: &str) -> i64 {
    match name {
        "seq" | "head" | "last_read_seq" => 42,
        "status" => 422,
        "limit" => 50,
        "order" => 100,
        "expires_in_s" | "overlap_s" => 3600,
        "retry_after_ms" => 1000,
        "bytes" => 220_949,
        _ => 2,
    }
}
