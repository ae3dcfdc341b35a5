-- expand
-- For the history of one key.
CREATE INDEX IF NOT EXISTS override_change_by_key ON override_change (lookup_key, revision);
