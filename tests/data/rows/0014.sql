-- An account of API v2 in the middle of a list that is not newest first, as a daemon of version 14 would have left it.
INSERT INTO accounts (id, provider, created_at, name) VALUES ('acc_v2', 'unipile_v2', 1777734846000, 'Piet Hallam');
INSERT INTO account_poll (account_id, next_look_at, walk_cursor, walk_seq, walk_unordered, walk_oldest)
  VALUES ('acc_v2', 0, 'cursor:abc', 1, 1, 1777000000000);
