-- Made by `python -m ledger.migration > ledger/schema.sql`; a test keeps it equal to the migrations.

CREATE TABLE sync (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    token TEXT NOT NULL
) STRICT;

CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    device_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    sealed_body BLOB,
    msgtype TEXT NOT NULL,
    server_ts INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    message_index INTEGER NOT NULL,
    authenticated INTEGER NOT NULL CHECK (authenticated IN (0, 1)),
    why_not TEXT NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    relates_to_event TEXT NOT NULL,
    received_at REAL NOT NULL,
    handled_at REAL,
    CHECK ((sealed_body IS NULL) = (handled_at IS NOT NULL))
) STRICT;

CREATE INDEX inbox_unhandled ON inbox (seq) WHERE handled_at IS NULL;

CREATE UNIQUE INDEX inbox_replay ON inbox (session_id, message_index) WHERE session_id <> '';

CREATE TABLE shares (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    command_event_id TEXT NOT NULL,
    study_instance_uid TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('opened', 'previewing', 'delivering', 'waiting', 'delivered', 'cancelled', 'failed')),
    sealed_plan BLOB NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL, sealed_audience BLOB,
    UNIQUE (command_event_id, study_instance_uid)
) STRICT;

CREATE INDEX shares_room ON shares (room_id, id);

CREATE INDEX shares_unfinished ON shares (id) WHERE state IN ('opened', 'previewing', 'delivering', 'waiting');

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    txn_id TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL,
    share_id INTEGER REFERENCES shares (id),
    step TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed_content BLOB,
    strict INTEGER NOT NULL CHECK (strict IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    event_id TEXT,
    created_at REAL NOT NULL,
    finished_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '', sealed_audience BLOB,
    CHECK ((state = 'sent') = (event_id IS NOT NULL)),
    CHECK ((state = 'queued') = (sealed_content IS NOT NULL)),
    CHECK ((state = 'queued') = (finished_at IS NULL))
) STRICT;

CREATE INDEX outbox_queued ON outbox (room_id, seq) WHERE state = 'queued';

CREATE INDEX outbox_share ON outbox (share_id, step) WHERE share_id IS NOT NULL;

CREATE TABLE attachments (
    txn_id TEXT NOT NULL REFERENCES outbox (txn_id),
    slot TEXT NOT NULL,
    spool_name TEXT NOT NULL,
    sealed_key BLOB,
    iv BLOB NOT NULL CHECK (length(iv) = 16),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    mimetype TEXT NOT NULL,
    mxc TEXT NOT NULL DEFAULT '',
    uploaded INTEGER NOT NULL DEFAULT 0 CHECK (uploaded IN (0, 1)),
    PRIMARY KEY (txn_id, slot),
    CHECK (uploaded = 0 OR mxc <> '')
) STRICT;

CREATE INDEX attachments_in_use ON attachments (spool_name) WHERE sealed_key IS NOT NULL;

CREATE TABLE finds (
    room_id TEXT NOT NULL,
    person TEXT NOT NULL,
    sealed_list BLOB NOT NULL,
    found_at REAL NOT NULL,
    PRIMARY KEY (room_id, person)
) STRICT;

CREATE TABLE pins (
    user_id TEXT PRIMARY KEY,
    sealed_master_key BLOB NOT NULL,
    pinned_at REAL NOT NULL
, sealed_proof BLOB, sealed_stated BLOB, stated_at REAL CHECK ((stated_at IS NULL) = (sealed_stated IS NULL)), told_at REAL CHECK (told_at IS NULL OR sealed_stated IS NOT NULL)) STRICT;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
    outcome INTEGER NOT NULL CHECK (outcome IN (0, 4, 8, 12)),
    who TEXT NOT NULL,
    device_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    share_id INTEGER,
    study_instance_uid TEXT NOT NULL,
    sealed_patient BLOB,
    sealed_detail BLOB,
    digest BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT;

CREATE INDEX audit_share ON audit (share_id) WHERE share_id IS NOT NULL;

CREATE INDEX audit_who ON audit (who, seq);

CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq INTEGER NOT NULL,
    sealed_head BLOB NOT NULL
) STRICT;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE (ABORT, 'an audit record is never changed');
END;

CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit
BEGIN
    SELECT RAISE (ABORT, 'an audit record is never deleted');
END;

CREATE TABLE invitations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id TEXT NOT NULL,
    inviter TEXT NOT NULL,
    event_id TEXT NOT NULL,
    is_direct INTEGER NOT NULL CHECK (is_direct IN (0, 1)),
    -- 1: we made this room, and "inviter" is who asked for it.
    ours INTEGER NOT NULL CHECK (ours IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('invited', 'expecting', 'joined', 'greeted', 'left', 'declined', 'lost')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
) STRICT;

CREATE UNIQUE INDEX invitations_open ON invitations (room_id) WHERE state IN ('invited', 'expecting', 'joined');

CREATE UNIQUE INDEX invitations_event ON invitations (event_id) WHERE event_id <> '';

CREATE TABLE new_rooms (
    command_event_id TEXT PRIMARY KEY,
    asked_in TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    device_id TEXT NOT NULL,
    sealed_name BLOB,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'made', 'failed')),
    -- When the server was first asked to make it; from then on it may exist.
    begun_at REAL,
    room_id TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    CHECK ((state = 'wanted') = (sealed_name IS NOT NULL)),
    CHECK ((state = 'made') = (room_id <> ''))
) STRICT;

CREATE INDEX new_rooms_wanted ON new_rooms (created_at) WHERE state = 'wanted';

CREATE TABLE views (
    command_event_id TEXT PRIMARY KEY,
    share_id INTEGER NOT NULL REFERENCES shares (id),
    room_id TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    device_id TEXT NOT NULL,
    sealed_wish BLOB,
    sealed_audience BLOB,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'answered')),
    created_at REAL NOT NULL,
    CHECK ((state = 'wanted') = (sealed_wish IS NOT NULL)),
    CHECK ((state = 'wanted') = (sealed_audience IS NOT NULL))
) STRICT;

CREATE INDEX views_wanted ON views (created_at) WHERE state = 'wanted';

CREATE TABLE notes (
    event_id TEXT NOT NULL,
    share_id INTEGER NOT NULL REFERENCES shares (id),
    room_id TEXT NOT NULL,
    author TEXT NOT NULL,
    sealed_note BLOB,
    sealed_audience BLOB,
    created_at REAL NOT NULL,
    -- The share's document, from 1, that it is in.
    document INTEGER CHECK (document >= 1),
    PRIMARY KEY (event_id, share_id),
    CHECK ((sealed_note IS NULL) = (sealed_audience IS NULL))
) STRICT;

CREATE INDEX notes_kept ON notes (share_id) WHERE sealed_note IS NOT NULL;
