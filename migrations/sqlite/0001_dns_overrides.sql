-- The overrides. Keys and targets are in the normal form that the service computes, which is ASCII;
-- the checks keep out by-hand edits that could not even be shown. Times are microseconds, UTC.
CREATE TABLE IF NOT EXISTS dns_overrides (
  lookup_key  TEXT NOT NULL PRIMARY KEY
              CHECK (length(lookup_key) BETWEEN 1 AND 253 AND lookup_key NOT GLOB '*[^ -~]*'),
  target_host TEXT NOT NULL
              CHECK (length(target_host) BETWEEN 1 AND 253 AND target_host NOT GLOB '*[^ -~]*'),
  comment     TEXT NOT NULL DEFAULT '' CHECK (length(CAST(comment AS BLOB)) <= 4096),
  enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  revision    INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  created_by  TEXT NOT NULL DEFAULT '-' CHECK (length(CAST(created_by AS BLOB)) <= 64),
  updated_at  INTEGER NOT NULL,
  updated_by  TEXT NOT NULL DEFAULT '-' CHECK (length(CAST(updated_by AS BLOB)) <= 64)
) STRICT, WITHOUT ROWID;
