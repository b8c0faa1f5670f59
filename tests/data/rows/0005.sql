-- An account whose poll was asked for twice, as a daemon of version 5 would have left it.
UPDATE account_poll SET asked = 1, asks = 2 WHERE account_id = 'acc_1';
