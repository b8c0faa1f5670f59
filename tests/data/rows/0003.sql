-- At least one row in every table that migration 0003 makes.
INSERT INTO account_pace (account_id, started_at, ended_at, extra_ms, day, calls, backoff_ms, backoff_until) VALUES
  ('acc_1', NULL, 1777734848000, 12000, 20575, 3, 0, NULL);
INSERT OR REPLACE INTO account_poll (account_id, next_look_at, due_at, look_seq, done_seq, watermark, walk_cursor, walk_top, walk_seq,
    walk_pages, last_poll_at) VALUES
  ('acc_1', 1777734848000, 1777736648000, 3, 2, 'ACoAA1', 'next', 'ACoAA2', 3, 2, 1777734848000);
INSERT INTO resyncs (id, account_id, enrollment_id, by_poll, asked_at, due_at) VALUES
  ('rs_1', 'acc_1', 'enr_1', 0, 1777734848000, 1777734908000);
