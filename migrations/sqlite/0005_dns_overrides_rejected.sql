-- Rows of the predecessor's table that are not served, and why. Bytes that are no text stand here
-- as \xNN.
CREATE TABLE IF NOT EXISTS dns_overrides_rejected (
  id          INTEGER NOT NULL PRIMARY KEY,
  lookup_key  TEXT,
  target_host TEXT,
  reason      TEXT NOT NULL
) STRICT;
