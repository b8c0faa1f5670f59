-- The key of the signal that matched nobody, as a daemon of version 7 would have written it.
INSERT INTO signal_keys (key, account_id, received_at, signal_id) VALUES ('s:ada-l', 'acc_1', 1777734848121, 2);
