-- One row, which every write transaction changes first: n is the newest revision, low the newest
-- that is pruned from the change log. Who restores a backup or resets the data changes epoch; every
-- instance then loads all again. is_seed_taken: the predecessor's table has been looked for, and
-- taken over if it was there.
CREATE TABLE IF NOT EXISTS override_state (
  id            TINYINT UNSIGNED NOT NULL PRIMARY KEY CHECK (id = 1),
  n             BIGINT UNSIGNED NOT NULL,
  low           BIGINT UNSIGNED NOT NULL DEFAULT 0,
  epoch         BINARY(16) NOT NULL,
  is_seed_taken BOOLEAN NOT NULL DEFAULT FALSE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
