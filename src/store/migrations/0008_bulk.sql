-- Deliveries: bulk replays in small steps, tests of a stopped destination, and clocks that were set back.

-- When a delivery came into its state or was last planned. Null for a row that an older acceptd wrote.
ALTER TABLE deliveries ADD COLUMN state_since INTEGER;

-- A test is sent even if its destination is stopped. The index finds it without reading the backlog of that destination.
ALTER TABLE deliveries ADD COLUMN is_test INTEGER NOT NULL DEFAULT 0
  CONSTRAINT is_test_is_a_flag CHECK (is_test IN (0, 1));
UPDATE deliveries SET is_test = 1 WHERE event_id IN
  (SELECT id FROM events WHERE dedupe_key >= 'webhook-test:' AND dedupe_key < 'webhook-test;');
CREATE INDEX deliveries_tests_due ON deliveries (destination, next_attempt_at)
  WHERE state = 'pending' AND is_test = 1 AND attempts = 0;

-- Bulk replays that are not finished. A step replays the next deliveries after `after_id` and moves it; the last one deletes the row.
CREATE TABLE bulk_replays (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  destination TEXT NOT NULL,
  state       TEXT NOT NULL,
  after_id    INTEGER NOT NULL DEFAULT 0,
  last_id     INTEGER NOT NULL,
  asked_at    INTEGER NOT NULL,
  CONSTRAINT bulk_replay_state CHECK (state IN ('pending', 'sending', 'delivered', 'dead', 'held')),
  CONSTRAINT bulk_replay_has_rows_left CHECK (after_id <= last_id)
) STRICT;
