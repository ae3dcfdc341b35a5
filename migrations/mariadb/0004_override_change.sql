-- The change log: what other instances follow, and what says whether a transaction was committed.
-- seq counts inside a revision, place inside the transaction; tx are random bytes that name it, so
-- that one that is sent twice fails. op: U upsert, D delete, R everything changed (load all).
CREATE TABLE IF NOT EXISTS override_change (
  revision   BIGINT UNSIGNED NOT NULL,
  seq        INT UNSIGNED NOT NULL,
  tx         BINARY(16) NOT NULL,
  place      INT UNSIGNED NOT NULL,
  op         CHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (op IN ('U', 'D', 'R')),
  lookup_key VARCHAR(253) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '',
  at         DATETIME(6) NOT NULL,
  actor      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '-',
  reason     VARCHAR(256) NOT NULL DEFAULT '',
  PRIMARY KEY (revision, seq),
  UNIQUE KEY override_change_by_tx (tx, place)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
