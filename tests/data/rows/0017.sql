-- An account that is known by two ids, as a daemon of version 17 would have left it.
INSERT INTO accounts (id, provider, created_at) VALUES ('acc_v1', 'unipile', 1777734846000);
INSERT INTO account_aliases (alias, account_id) VALUES ('acc_v1', 'acc_v2');
