-- Who was in the room, joined or invited, when a share or an answer was permitted: it is not continued for others.
-- Sealed, so that nobody without our key can let themselves in. A share without one is continued for nobody.
ALTER TABLE shares ADD COLUMN sealed_audience BLOB;

-- NULL for what was said to a room and not to people (notices, refusals), and when the entry is finished.
ALTER TABLE outbox ADD COLUMN sealed_audience BLOB;
