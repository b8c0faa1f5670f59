-- An account that is locked beside a bad status, as a daemon of version 18 would have left it.
UPDATE accounts SET health = 'unhealthy', health_reason = 'account.locked', outage_since = 1777734846000, locked = 1
  WHERE id = 'acc_2';
