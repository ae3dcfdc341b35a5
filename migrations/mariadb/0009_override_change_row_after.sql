-- expand
-- And after it; NULL: there is none any more, or the change is older than this column.
ALTER TABLE override_change ADD COLUMN IF NOT EXISTS row_after TEXT
  CHECK (row_after IS NULL OR JSON_VALID(row_after));
