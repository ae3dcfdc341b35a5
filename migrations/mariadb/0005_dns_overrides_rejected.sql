-- Rows of the predecessor's table that are not served, and why. Bytes that are no text stand here
-- as \xNN.
CREATE TABLE IF NOT EXISTS dns_overrides_rejected (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  lookup_key  VARCHAR(1024),
  target_host VARCHAR(1024),
  reason      VARCHAR(512) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
