-- The overrides. Keys and targets are in the normal form that the service computes, which is ASCII;
-- the checks keep out by-hand edits that could not even be shown. Times are UTC, set by the service,
-- never by CURRENT_TIMESTAMP. nopad: 'a' and 'a ' are two keys.
CREATE TABLE IF NOT EXISTS dns_overrides (
  lookup_key  VARCHAR(253) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL
              CHECK (OCTET_LENGTH(lookup_key) > 0),
  target_host VARCHAR(253) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL
              CHECK (OCTET_LENGTH(target_host) > 0),
  comment     VARCHAR(1024) NOT NULL DEFAULT '',
  enabled     BOOLEAN NOT NULL DEFAULT TRUE CHECK (enabled IN (0, 1)),
  revision    BIGINT UNSIGNED NOT NULL,
  created_at  DATETIME(6) NOT NULL,
  created_by  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '-',
  updated_at  DATETIME(6) NOT NULL,
  updated_by  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '-',
  PRIMARY KEY (lookup_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
