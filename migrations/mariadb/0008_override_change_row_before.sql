-- expand
-- The history: the override before the change, as the API shows it; NULL: there was none, or the
-- change is older than this column.
ALTER TABLE override_change ADD COLUMN IF NOT EXISTS row_before TEXT
  CHECK (row_before IS NULL OR JSON_VALID(row_before));
