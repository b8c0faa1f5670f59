-- Polling: page one and the walk take turns, empty pages and relations are counted, and a wish of the daemon itself is told from
-- one that was made by hand. `walk_pages` is not used any more.

ALTER TABLE account_poll ADD COLUMN walk_firsts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_poll ADD COLUMN walk_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_poll ADD COLUMN walk_empty INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_poll ADD COLUMN again INTEGER NOT NULL DEFAULT 0
  CONSTRAINT again_is_a_flag CHECK (again IN (0, 1));
ALTER TABLE account_poll ADD COLUMN probe_asked INTEGER NOT NULL DEFAULT 0
  CONSTRAINT probe_asked_is_a_flag CHECK (probe_asked IN (0, 1));

-- A probe is asked for during one outage. It is neither asked for before the outage nor left over for the next one.
CREATE TRIGGER a_probe_belongs_to_its_outage AFTER UPDATE OF outage_since ON accounts
WHEN NEW.outage_since IS NOT OLD.outage_since
BEGIN
  UPDATE account_poll SET probe_asked = 0 WHERE account_id = NEW.id AND probe_asked = 1;
END;
