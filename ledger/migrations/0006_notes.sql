-- What people write about a share, to travel with its study: waiting until it is in one of the share's documents, and
-- forgotten when that document stands in the room, or nothing of the share is to be sent any more.
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

-- A share's own note is one of them.
ALTER TABLE shares DROP COLUMN sealed_note;
