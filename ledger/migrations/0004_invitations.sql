-- Rooms into which somebody asked us: kept before the sync token moves on, so that each is answered, and greeted once.
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

-- One open invitation per room; a known invitation is not a new one.
CREATE UNIQUE INDEX invitations_open ON invitations (room_id) WHERE state IN ('invited', 'expecting', 'joined');
CREATE UNIQUE INDEX invitations_event ON invitations (event_id) WHERE event_id <> '';

-- Rooms that somebody asked us to make. The name goes when the room stands, or is given up.
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
