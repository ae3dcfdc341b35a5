-- The change log: what other instances follow, and what says whether a transaction was committed.
-- seq counts inside a revision, place inside the transaction; tx are random bytes that name it, so
-- that one that is sent twice fails. op: U upsert, D delete, R everything changed (load all).
CREATE TABLE IF NOT EXISTS override_change (
  revision   INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  tx         BLOB NOT NULL CHECK (length(tx) = 16),
  place      INTEGER NOT NULL,
  op         TEXT NOT NULL CHECK (op IN ('U', 'D', 'R')),
  lookup_key TEXT NOT NULL DEFAULT '',
  at         INTEGER NOT NULL,
  actor      TEXT NOT NULL DEFAULT '-',
  reason     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (revision, seq),
  UNIQUE (tx, place)
) STRICT, WITHOUT ROWID;
