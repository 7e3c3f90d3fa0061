-- Pictures that somebody asked to see of a share: wanted until the answer lies in the outbox. What was asked for goes then.
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
