-- Polling: when each account was called, what is to be read next, and which resyncs were promised.

CREATE TABLE account_pace (
  account_id    TEXT PRIMARY KEY REFERENCES accounts (id),
  started_at    INTEGER,
  ended_at      INTEGER,
  extra_ms      INTEGER NOT NULL DEFAULT 0,
  day           INTEGER NOT NULL DEFAULT 0,
  calls         INTEGER NOT NULL DEFAULT 0,
  backoff_ms    INTEGER NOT NULL DEFAULT 0,
  backoff_until INTEGER,
  CONSTRAINT extra_is_a_span CHECK (extra_ms >= 0),
  CONSTRAINT calls_are_counted CHECK (calls >= 0),
  CONSTRAINT backoff_is_a_span CHECK (backoff_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_poll (
  account_id   TEXT PRIMARY KEY REFERENCES accounts (id),
  next_look_at INTEGER,
  due_at       INTEGER,
  asked        INTEGER NOT NULL DEFAULT 0,
  probed_at    INTEGER,
  look_seq     INTEGER NOT NULL DEFAULT 1,
  done_seq     INTEGER NOT NULL DEFAULT 0,
  watermark    TEXT,
  walk_cursor  TEXT,
  walk_top     TEXT,
  walk_seq     INTEGER NOT NULL DEFAULT 0,
  walk_pages   INTEGER NOT NULL DEFAULT 0,
  last_poll_at INTEGER,
  CONSTRAINT asked_is_a_flag CHECK (asked IN (0, 1)),
  CONSTRAINT done_follows_look CHECK (done_seq <= look_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_poll_next ON account_poll (next_look_at) WHERE next_look_at IS NOT NULL;

CREATE TABLE resyncs (
  id             TEXT PRIMARY KEY,
  account_id     TEXT NOT NULL REFERENCES accounts (id),
  enrollment_id  TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
  by_poll        INTEGER NOT NULL,
  slashed        INTEGER NOT NULL DEFAULT 0,
  attempts       INTEGER NOT NULL DEFAULT 0,
  asked_at       INTEGER NOT NULL,
  due_at         INTEGER NOT NULL,
  called_at      INTEGER,
  collapse_until INTEGER,
  CONSTRAINT resync_flags CHECK (by_poll IN (0, 1) AND slashed IN (0, 1)),
  CONSTRAINT a_called_one_collapses CHECK ((called_at IS NULL) = (collapse_until IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX resyncs_pending ON resyncs (account_id, asked_at) WHERE called_at IS NULL;
CREATE INDEX resyncs_by_enrollment ON resyncs (enrollment_id);

INSERT INTO account_poll (account_id, next_look_at)
  SELECT DISTINCT account_id, 0 FROM enrollments;
