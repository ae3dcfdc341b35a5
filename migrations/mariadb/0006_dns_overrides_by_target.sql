-- For lists sorted by target; lookup_key makes the order total.
CREATE INDEX IF NOT EXISTS dns_overrides_by_target ON dns_overrides (target_host, lookup_key);
