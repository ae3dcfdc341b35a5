INSERT OR IGNORE INTO override_state (id, n, epoch) VALUES (1, 0, randomblob(16));
