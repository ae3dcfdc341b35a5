-- For lists sorted by the time of the last change.
CREATE INDEX IF NOT EXISTS dns_overrides_by_updated ON dns_overrides (updated_at, lookup_key);
