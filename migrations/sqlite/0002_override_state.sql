-- One row, which every write transaction changes first: n is the newest revision, low the newest
-- that is pruned from the change log. Who restores a backup or resets the data changes epoch; every
-- instance then loads all again. is_seed_taken: the predecessor's table has been looked for, and
-- taken over if it was there.
CREATE TABLE IF NOT EXISTS override_state (
  id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  n             INTEGER NOT NULL,
  low           INTEGER NOT NULL DEFAULT 0,
  epoch         BLOB NOT NULL CHECK (length(epoch) = 16),
  is_seed_taken INTEGER NOT NULL DEFAULT 0 CHECK (is_seed_taken IN (0, 1))
) STRICT;
