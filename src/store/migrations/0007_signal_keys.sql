-- Which ledger rows name which person. An enrollment that appears later finds the evidence about its person by a few seeks,
-- however much waits, and erasing a person finds every row about them. It replaces the indexes on the rows that matched nobody.
-- A key is `n:` and a member number, `i:` and an id, or `s:` and a public identifier.

CREATE TABLE signal_keys (
  key         TEXT NOT NULL,
  account_id  TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  signal_id   INTEGER NOT NULL,
  PRIMARY KEY (key, account_id, received_at, signal_id)
) STRICT, WITHOUT ROWID;

-- A reference to signals would have to be indexed by signal_id, which every accept would pay for.
CREATE TRIGGER keys_go_with_their_signal AFTER DELETE ON signals
BEGIN
  DELETE FROM signal_keys
  WHERE key IN ('n:' || OLD.number, 'i:' || OLD.provider_id, 'i:' || OLD.sales_id, 's:' || OLD.public_identifier)
    AND account_id = coalesce(OLD.account_id, '') AND received_at = OLD.received_at AND signal_id = OLD.id;
END;

DROP INDEX signals_unmatched_provider_id;
DROP INDEX signals_unmatched_number;
DROP INDEX signals_unmatched_sales_id;
DROP INDEX signals_unmatched_public_identifier;
-- No query used this one.
DROP INDEX signals_by_time;

-- The results of invites named their person in the body only.
DROP TRIGGER evidence_is_append_only;
UPDATE signals SET provider_id = json_extract(raw, '$.providerId')
  WHERE source = 'already_connected' AND provider_id IS NULL AND json_type(raw, '$.providerId') = 'text';
CREATE TRIGGER evidence_is_append_only BEFORE UPDATE ON signals
WHEN NEW.received_at IS NOT OLD.received_at OR NEW.source IS NOT OLD.source OR NEW.account_id IS NOT OLD.account_id
  OR NEW.provider_id IS NOT OLD.provider_id OR NEW.number IS NOT OLD.number OR NEW.sales_id IS NOT OLD.sales_id
  OR NEW.public_identifier IS NOT OLD.public_identifier OR NEW.evidence IS NOT OLD.evidence OR NEW.raw IS NOT OLD.raw
BEGIN
  SELECT RAISE(ABORT, 'evidence is append-only; only its outcome may change');
END;

-- In the order of the keys, so that the table is written from one end to the other. An id may stand in two columns.
INSERT OR IGNORE INTO signal_keys (key, account_id, received_at, signal_id)
  SELECT 'n:' || number AS key, coalesce(account_id, '') AS account, received_at, id FROM signals WHERE number IS NOT NULL
  UNION ALL
  SELECT 'i:' || provider_id, coalesce(account_id, ''), received_at, id FROM signals WHERE provider_id IS NOT NULL
  UNION ALL
  SELECT 'i:' || sales_id, coalesce(account_id, ''), received_at, id FROM signals WHERE sales_id IS NOT NULL
  UNION ALL
  SELECT 's:' || public_identifier, coalesce(account_id, ''), received_at, id FROM signals WHERE public_identifier IS NOT NULL
  ORDER BY key, account, received_at, id;

-- Erasing a person takes away the mark where a poll of any account stopped reading.
CREATE INDEX account_poll_by_watermark ON account_poll (watermark) WHERE watermark IS NOT NULL;
CREATE INDEX account_poll_by_walk_top ON account_poll (walk_top) WHERE walk_top IS NOT NULL;
