-- Unipile's API v2 locks an account beside its status: unlocking does not heal a disconnected account, and a good status does not
-- unlock one. `health` stays what both together say.

ALTER TABLE accounts ADD COLUMN locked INTEGER NOT NULL DEFAULT 0
  CONSTRAINT locked_is_a_flag CHECK (locked IN (0, 1))
  CONSTRAINT a_locked_account_is_unhealthy CHECK (locked = 0 OR health = 'unhealthy');
ALTER TABLE accounts ADD COLUMN failing INTEGER NOT NULL DEFAULT 0
  CONSTRAINT failing_is_a_flag CHECK (failing IN (0, 1))
  CONSTRAINT a_failing_account_is_unhealthy CHECK (failing = 0 OR health = 'unhealthy');
UPDATE accounts SET failing = 1 WHERE health = 'unhealthy';
