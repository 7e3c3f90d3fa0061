-- Who compared a pinned identity, and what a person's server states instead of it.
-- sealed_proof opens beside this person only and names the key that was compared: nobody without the key of the state
-- directory can mark a pin as verified, or let it vouch for another one.
ALTER TABLE pins ADD COLUMN sealed_proof BLOB;

-- The master key (sealed, '' for none) that is stated now in place of the pinned one, and since when.
ALTER TABLE pins ADD COLUMN sealed_stated BLOB;

ALTER TABLE pins ADD COLUMN stated_at REAL CHECK ((stated_at IS NULL) = (sealed_stated IS NULL));

-- When the rooms and the operator were told of it.
ALTER TABLE pins ADD COLUMN told_at REAL CHECK (told_at IS NULL OR sealed_stated IS NOT NULL);
