-- A bulk replay that was not finished.
INSERT INTO bulk_replays (destination, state, after_id, last_id, asked_at) VALUES ('crm', 'dead', 1, 3, 1777734848000);
