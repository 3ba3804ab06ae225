-- The whole schema. `migrations/postgres` holds the same tables under the same names; a test compares them.
-- Times are milliseconds since 1970 UTC. JSON is text that the host checked.

-- One row: what is true of this database as a whole.
CREATE TABLE meta (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch           BIGINT  NOT NULL    -- random; a new one when a backup is restored
);

CREATE TABLE orgs (
    id          INTEGER NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    banner      TEXT,
    created_at  BIGINT  NOT NULL
);

CREATE TABLE apps (
    id                  INTEGER NOT NULL PRIMARY KEY,
    org_id              BIGINT  NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
    name                TEXT    NOT NULL,
    allowed_ips         TEXT    NOT NULL,   -- JSON array of CIDR ranges
    allowed_origins     TEXT    NOT NULL,   -- JSON array of origins
    audience            TEXT,
    jwks_url            TEXT,
    tokens_valid_from   BIGINT  NOT NULL,
    created_at          BIGINT  NOT NULL
);
CREATE INDEX apps_by_org ON apps (org_id);

-- Credentials of orgs and apps. Exactly one of org_id and app_id is set.
CREATE TABLE keys (
    id          INTEGER NOT NULL PRIMARY KEY,
    org_id      BIGINT  REFERENCES orgs (id) ON DELETE CASCADE,
    app_id      BIGINT  REFERENCES apps (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    hash        BLOB    NOT NULL UNIQUE,
    hint        TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT,
    CHECK ((org_id IS NULL) <> (app_id IS NULL))
);
CREATE INDEX keys_by_org ON keys (org_id);
CREATE INDEX keys_by_app ON keys (app_id);

-- Keys that verify an app's user tokens.
CREATE TABLE signing_keys (
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kid         TEXT    NOT NULL,
    algorithm   TEXT    NOT NULL,
    material    BLOB    NOT NULL,   -- sealed for HS256, else the public JWK
    own         BOOLEAN NOT NULL,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (app_id, kid)
);

CREATE TABLE users (
    app_id              BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,
    name                TEXT,
    image               TEXT,
    custom              TEXT    NOT NULL,
    plugin              TEXT,
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    deactivated_at      BIGINT,
    tokens_valid_from   BIGINT  NOT NULL,
    PRIMARY KEY (app_id, id)
);

CREATE TABLE channels (
    key                 INTEGER NOT NULL PRIMARY KEY,
    app_id              BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    name                TEXT,
    icon                TEXT,
    active              BOOLEAN NOT NULL,
    tags                TEXT    NOT NULL,   -- JSON array of strings
    custom              TEXT    NOT NULL,   -- JSON object
    parent              BIGINT,             -- of a side channel: the one it is in, which goes before it
    pair                TEXT,               -- the two users of a direct or side channel, and its parent
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    head                BIGINT  NOT NULL,
    last_message_seq    BIGINT  NOT NULL,
    last_message_at     BIGINT,
    participants        BIGINT  NOT NULL,
    UNIQUE (app_id, id),
    UNIQUE (app_id, pair)
);
CREATE INDEX channels_by_parent ON channels (parent);
-- The channels that are there: a side channel only as long as the one it is in.
CREATE VIEW open_channels AS SELECT * FROM channels c
    WHERE c.parent IS NULL OR EXISTS (SELECT 1 FROM channels above WHERE above.key = c.parent);

CREATE TABLE participants (
    channel         BIGINT  NOT NULL,
    app_id          BIGINT  NOT NULL,
    user_id         TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    joined_at       BIGINT  NOT NULL,
    last_read_seq   BIGINT  NOT NULL,
    parent          BIGINT,             -- the channel's own
    PRIMARY KEY (channel, user_id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id) ON DELETE CASCADE
);
CREATE INDEX participants_by_user ON participants (app_id, user_id);
CREATE INDEX participants_of_sides ON participants (parent, user_id) WHERE parent IS NOT NULL;
-- The seats that count: in channels that are there, and in a side channel only with one where that is.
CREATE VIEW seats AS SELECT * FROM participants p
    WHERE EXISTS (SELECT 1 FROM channels c WHERE c.key = p.channel)
    AND (p.parent IS NULL OR EXISTS (SELECT 1 FROM participants q JOIN channels c ON c.key = q.channel
        WHERE q.channel = p.parent AND q.user_id = p.user_id));

-- Who left a channel and is still to be taken out of its side channels.
CREATE TABLE leaving (
    app_id      BIGINT  NOT NULL,
    user_id     TEXT    NOT NULL,
    channel     BIGINT  NOT NULL,
    actor       TEXT,
    PRIMARY KEY (app_id, user_id, channel)
);

-- The log of every channel, and in it the messages: a message is its `message.new` entry, edited in place.
CREATE TABLE events (
    position    INTEGER     NOT NULL PRIMARY KEY,
    app_id      BIGINT      NOT NULL,
    channel     BIGINT      NOT NULL,
    seq         BIGINT      NOT NULL,
    ts          BIGINT      NOT NULL,
    kind        SMALLINT    NOT NULL,
    actor       TEXT,
    depth       SMALLINT    NOT NULL,   -- how many plugins in a row led to it
    message_id  BIGINT,                 -- its own for message.new, else the message it is about
    type        TEXT,                   -- from here on only for message.new
    to_user     TEXT,                   -- the other of the pair, for a private message
    data        TEXT,                   -- also what other events say
    view        TEXT,
    state       TEXT,
    attachments TEXT,                   -- JSON array: what plugins show below it
    client_id   TEXT,
    client_hash BIGINT,                 -- of what was sent, to tell a retry from a reuse of the id
    revision    BIGINT      NOT NULL DEFAULT 0,
    edited_at   BIGINT,
    deleted_at  BIGINT
);
CREATE UNIQUE INDEX events_by_seq ON events (channel, seq);
-- A plugin reads its own app's part of the log, however much others write.
CREATE INDEX events_by_app ON events (app_id, position);
CREATE UNIQUE INDEX events_by_message ON events (message_id) WHERE kind = 1;
-- Feeds: messages of plugins' types in a channel and in an app. Not of text, which would pay for them with every message.
CREATE INDEX events_by_type ON events (channel, type, position) WHERE kind = 1 AND deleted_at IS NULL AND type <> 'text';
CREATE INDEX events_by_app_type ON events (app_id, type, position, channel) WHERE kind = 1 AND deleted_at IS NULL AND type <> 'text';
CREATE UNIQUE INDEX events_by_client_id ON events (channel, actor, client_id) WHERE client_id IS NOT NULL;

-- Messages that a plugin sent by somebody's command, and who that was: these persons may delete them.
CREATE TABLE commanded (
    message_id  INTEGER NOT NULL PRIMARY KEY,
    app_id      BIGINT  NOT NULL,
    channel     BIGINT  NOT NULL,
    user_id     TEXT    NOT NULL
);
CREATE INDEX commanded_by_channel ON commanded (channel);
CREATE INDEX commanded_by_user ON commanded (app_id, user_id);

-- Channels that were removed, and all that is in them is still to be.
CREATE TABLE removed_channels (
    channel     INTEGER NOT NULL PRIMARY KEY
);

-- Messages that wait for a person's decision. Not in any log before they are approved.
CREATE TABLE held (
    id          INTEGER NOT NULL PRIMARY KEY,
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    channel     BIGINT  NOT NULL,
    sender      TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    view        TEXT,
    state       TEXT,
    to_user     TEXT,
    client_id   TEXT,
    client_hash BIGINT,
    plugin      TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    details     TEXT,
    appeal      TEXT,
    created_at  BIGINT  NOT NULL
);
CREATE INDEX held_by_app ON held (app_id, id);
CREATE INDEX held_by_sender ON held (app_id, sender);
CREATE INDEX held_by_to ON held (app_id, to_user) WHERE to_user IS NOT NULL;
CREATE INDEX held_by_channel ON held (channel);
CREATE INDEX held_by_age ON held (created_at);
CREATE UNIQUE INDEX held_by_client_id ON held (channel, sender, client_id) WHERE client_id IS NOT NULL;

-- Uploaded files. Their bytes are elsewhere, under the app's id and their own.
CREATE TABLE files (
    id          INTEGER NOT NULL PRIMARY KEY,
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    owner       TEXT    NOT NULL,   -- who uploaded it; empty: the app's backend
    name        TEXT    NOT NULL,
    media_type  TEXT    NOT NULL,
    bytes       BIGINT  NOT NULL,
    sha256      TEXT    NOT NULL,
    shown       BOOLEAN NOT NULL,   -- whether some message shows it
    created_at  BIGINT  NOT NULL
);
CREATE INDEX files_by_app ON files (app_id, owner, id);
CREATE INDEX files_not_shown ON files (created_at) WHERE NOT shown AND owner <> '';

-- Which messages show a file, held ones among them, and so who may read it.
CREATE TABLE file_shares (
    file_id     BIGINT  NOT NULL,
    message_id  BIGINT  NOT NULL,
    channel     BIGINT  NOT NULL,
    PRIMARY KEY (file_id, message_id)
);
CREATE INDEX file_shares_by_message ON file_shares (message_id);
CREATE INDEX file_shares_by_channel ON file_shares (channel);

-- Files, and with `/` at its end all of an app, that were removed and whose bytes are still to be.
CREATE TABLE removed_files (
    path        TEXT    NOT NULL PRIMARY KEY
);

-- What plugins decided about what people did, other than to let it be.
CREATE TABLE decisions (
    id          INTEGER NOT NULL PRIMARY KEY,
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    plugin      TEXT NOT NULL,
    digest      TEXT NOT NULL,
    hook        TEXT NOT NULL,
    channel     TEXT,
    actor       TEXT,
    outcome     TEXT NOT NULL,
    code        TEXT,
    reason      TEXT,
    created_at  BIGINT  NOT NULL
);
CREATE INDEX decisions_by_plugin ON decisions (app_id, plugin, id);
CREATE INDEX decisions_by_actor ON decisions (app_id, actor);
CREATE INDEX decisions_by_time ON decisions (created_at);

-- Answers to requests that came with an Idempotency-Key.
CREATE TABLE idempotency (
    owner           TEXT    NOT NULL,   -- whose key it is: an org, an app, a user
    key             TEXT    NOT NULL,
    request_hash    BLOB    NOT NULL,
    status          INTEGER,            -- NULL while the first request is running, 0 when nobody knows whether it was done
    body            BLOB,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

-- Components as they were uploaded, by content.
CREATE TABLE plugin_versions (
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    permissions TEXT    NOT NULL,   -- JSON array: what it asks for, and why
    sees        TEXT    NOT NULL,   -- JSON array: what its hooks let it see, in words
    about       TEXT    NOT NULL,   -- JSON object: what it is and wants, as its tenant reads it
    signatures  TEXT    NOT NULL,   -- JSON array: who signed it, and when
    component   BLOB    NOT NULL,
    uploaded_at BIGINT  NOT NULL,
    PRIMARY KEY (app_id, name, digest)
);

-- Whose signatures an app trusts.
CREATE TABLE plugin_trust (
    app_id      BIGINT  NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    policy      TEXT    NOT NULL    -- JSON object
);

-- A plugin in an app.
CREATE TABLE installs (
    id          INTEGER NOT NULL PRIMARY KEY,
    app_id      BIGINT  NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    enabled     BOOLEAN NOT NULL,
    grants      TEXT    NOT NULL,   -- JSON array of permissions
    config      TEXT    NOT NULL,   -- JSON object
    secrets     TEXT    NOT NULL,   -- JSON object: secret settings, sealed
    place       BIGINT  NOT NULL,   -- order in the chain of guards
    on_fault    TEXT    NOT NULL,
    hooks       TEXT    NOT NULL,   -- JSON array: the hooks that this version has
    started     TEXT    NOT NULL,   -- the version whose start has run, or empty
    cursor      BIGINT  NOT NULL,   -- the log position up to which its events are handled
    attempts    BIGINT  NOT NULL DEFAULT 0, -- how often the event after the cursor has failed
    retry_at    BIGINT,             -- when the failed event is tried again
    quarantine  TEXT,               -- JSON: the hooks that failed too often
    previous    TEXT,               -- JSON: the version before, and how it ran
    rollout     TEXT,               -- JSON: the version that is tried beside it, and how
    kv_keys     BIGINT  NOT NULL DEFAULT 0, -- what it keeps, changed with every write
    kv_bytes    BIGINT  NOT NULL DEFAULT 0,
    timers      BIGINT  NOT NULL DEFAULT 0,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (app_id, name)
);

-- Installs that were removed, and whose values and timers are still to be.
CREATE TABLE removed_installs (
    install     INTEGER NOT NULL PRIMARY KEY
);

CREATE TABLE plugin_kv (
    install     BIGINT  NOT NULL,
    scope       TEXT    NOT NULL,   -- `p`, or `c:`, `u:`, `m:` and the owner's id
    key         TEXT    NOT NULL,
    value       BLOB    NOT NULL,
    version     BIGINT  NOT NULL,
    expires_at  BIGINT,
    PRIMARY KEY (install, scope, key)
);
CREATE INDEX plugin_kv_by_expiry ON plugin_kv (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE plugin_timers (
    install     BIGINT  NOT NULL,
    name        TEXT    NOT NULL,
    due_at      BIGINT  NOT NULL,
    channel     TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    attempts    BIGINT  NOT NULL,
    version     BIGINT  NOT NULL,   -- changes when it is set again
    PRIMARY KEY (install, name)
);
CREATE INDEX plugin_timers_by_time ON plugin_timers (install, due_at);
CREATE INDEX plugin_timers_by_channel ON plugin_timers (install, channel) WHERE channel <> '';

-- Whose values and timers an install still keeps although they are gone, by scope.
CREATE TABLE removed_owners (
    scope       TEXT    NOT NULL,
    install     BIGINT  NOT NULL,
    PRIMARY KEY (scope, install)
);
