-- expand
-- The newest revision that the history has forgotten, as low is the newest that the change log has.
-- Rows up to the lower of the two are removed, some at a time.
ALTER TABLE override_state ADD COLUMN history_low INTEGER NOT NULL DEFAULT 0;
