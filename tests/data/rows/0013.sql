-- An account in the middle of a walk, as a daemon of version 13 would have left it.
UPDATE account_poll SET again = 1, walk_firsts = 1, walk_read = 200, walk_empty = 1 WHERE account_id = 'acc_1';
