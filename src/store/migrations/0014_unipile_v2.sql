-- Unipile's API v2: accounts that belong to it, the names that providers show for accounts, and lists that are not newest first.

CREATE TABLE accounts_new (
  id            TEXT PRIMARY KEY,
  provider      TEXT NOT NULL,
  health        TEXT NOT NULL DEFAULT 'ok',
  health_reason TEXT,
  outage_since  INTEGER,
  created_at    INTEGER NOT NULL,
  name          TEXT,
  CONSTRAINT account_id_is_plain CHECK (length(id) BETWEEN 1 AND 128 AND instr(id, ':') = 0),
  CONSTRAINT account_provider CHECK (provider IN ('unipile', 'unipile_v2', 'sendpilot')),
  CONSTRAINT account_health CHECK (health IN ('ok', 'unhealthy')),
  CONSTRAINT an_outage_has_a_start CHECK ((health = 'ok') = (outage_since IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO accounts_new (id, provider, health, health_reason, outage_since, created_at)
  SELECT id, provider, health, health_reason, outage_since, created_at FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_new RENAME TO accounts;

-- A probe is asked for during one outage. It is neither asked for before the outage nor left over for the next one.
CREATE TRIGGER a_probe_belongs_to_its_outage AFTER UPDATE OF outage_since ON accounts
WHEN NEW.outage_since IS NOT OLD.outage_since
BEGIN
  UPDATE account_poll SET probe_asked = 0 WHERE account_id = NEW.id AND probe_asked = 1;
END;

ALTER TABLE account_poll ADD COLUMN walk_unordered INTEGER NOT NULL DEFAULT 0
  CONSTRAINT walk_unordered_is_a_flag CHECK (walk_unordered IN (0, 1));
ALTER TABLE account_poll ADD COLUMN walk_oldest INTEGER;
