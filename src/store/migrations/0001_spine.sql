-- The spine: who is enrolled, what was seen, what was announced, what is on its way.
-- Times are integer milliseconds, UTC. Booleans are 0 or 1.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id            TEXT PRIMARY KEY,
  provider      TEXT NOT NULL,
  health        TEXT NOT NULL DEFAULT 'ok',
  health_reason TEXT,
  outage_since  INTEGER,
  created_at    INTEGER NOT NULL,
  CONSTRAINT account_id_is_plain CHECK (length(id) BETWEEN 1 AND 128 AND instr(id, ':') = 0),
  CONSTRAINT account_provider CHECK (provider IN ('unipile', 'sendpilot')),
  CONSTRAINT account_health CHECK (health IN ('ok', 'unhealthy')),
  CONSTRAINT an_outage_has_a_start CHECK ((health = 'ok') = (outage_since IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE campaigns (
  seq                   INTEGER PRIMARY KEY AUTOINCREMENT,
  id                    TEXT NOT NULL UNIQUE,
  name                  TEXT,
  status                TEXT NOT NULL DEFAULT 'draft',
  status_was_set        INTEGER NOT NULL DEFAULT 0,
  accept_window         TEXT,
  accept_window_ms      INTEGER,
  not_accepted_after    TEXT,
  not_accepted_after_ms INTEGER,
  schedule              TEXT,
  daily_cap             INTEGER,
  created_at            INTEGER NOT NULL,
  CONSTRAINT campaign_id_length CHECK (length(id) BETWEEN 1 AND 256),
  CONSTRAINT campaign_status CHECK (status IN ('draft', 'running', 'paused', 'completed', 'archived')),
  CONSTRAINT accept_window_is_whole CHECK ((accept_window IS NULL) = (accept_window_ms IS NULL)),
  CONSTRAINT accept_window_is_positive CHECK (accept_window_ms > 0),
  CONSTRAINT not_accepted_after_is_whole CHECK ((not_accepted_after IS NULL) = (not_accepted_after_ms IS NULL)),
  CONSTRAINT not_accepted_after_is_positive CHECK (not_accepted_after_ms > 0),
  CONSTRAINT schedule_is_json CHECK (schedule IS NULL OR json_valid(schedule)),
  CONSTRAINT daily_cap_is_positive CHECK (daily_cap > 0)
) STRICT;

-- Every event ever made. The key outlives the body: an erased person is never announced again.
CREATE TABLE events (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  dedupe_key    TEXT NOT NULL UNIQUE,
  type          TEXT NOT NULL,
  enrollment_id TEXT,
  created_at    INTEGER NOT NULL,
  body          TEXT,
  CONSTRAINT event_id_form CHECK (length(id) = 40 AND substr(id, 1, 4) = 'evt_'),
  CONSTRAINT event_body_is_json CHECK (body IS NULL OR json_valid(body))
) STRICT;
CREATE INDEX events_by_enrollment ON events (enrollment_id) WHERE enrollment_id IS NOT NULL;

CREATE TRIGGER events_are_facts BEFORE UPDATE ON events
WHEN NEW.id IS NOT OLD.id OR NEW.dedupe_key IS NOT OLD.dedupe_key OR NEW.type IS NOT OLD.type
  OR NEW.created_at IS NOT OLD.created_at OR (NEW.body IS NOT NULL AND NEW.body IS NOT OLD.body)
BEGIN
  SELECT RAISE(ABORT, 'an event never changes; its body may only be erased');
END;

CREATE TRIGGER events_are_kept BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'an event is never deleted; its key keeps an accept from being announced twice');
END;

CREATE TABLE enrollments (
  seq                INTEGER PRIMARY KEY AUTOINCREMENT,
  id                 TEXT NOT NULL UNIQUE,
  account_id         TEXT NOT NULL REFERENCES accounts (id),
  campaign_id        TEXT NOT NULL REFERENCES campaigns (id),
  status             TEXT NOT NULL DEFAULT 'PENDING',
  status_at          INTEGER,
  name               TEXT,
  headline           TEXT,
  company            TEXT,
  linkedin_url       TEXT,
  provider_id        TEXT,
  member_number      INTEGER,
  sales_id           TEXT,
  sales_number       INTEGER,
  public_identifier  TEXT,
  invited_at         INTEGER,
  invite_provider_id TEXT,
  invite_number      INTEGER,
  invitation_id      TEXT,
  note_hash          TEXT,
  accepted_at        INTEGER,
  accepted_precision TEXT,
  detected_at        INTEGER,
  replied_at         INTEGER,
  source             TEXT,
  path               TEXT,
  via_sibling        INTEGER NOT NULL DEFAULT 0,
  pre_connected      INTEGER NOT NULL DEFAULT 0,
  late               INTEGER NOT NULL DEFAULT 0,
  backfill           INTEGER NOT NULL DEFAULT 0,
  accept_key         TEXT REFERENCES events (dedupe_key),
  next_step_at       INTEGER,
  met_later          INTEGER NOT NULL DEFAULT 0,
  created_at         INTEGER NOT NULL,
  CONSTRAINT enrollment_id_length CHECK (length(id) BETWEEN 1 AND 256),
  CONSTRAINT status_word CHECK (status IN ('PENDING', 'CONNECTION_SENT', 'CONNECTION_ACCEPTED', 'MESSAGE_SENT',
    'REPLY_RECEIVED', 'OPPORTUNITY', 'NOT_INTERESTED', 'DONE')),
  CONSTRAINT status_needs_accept CHECK (accepted_at IS NOT NULL
    OR status NOT IN ('CONNECTION_ACCEPTED', 'MESSAGE_SENT', 'REPLY_RECEIVED')),
  CONSTRAINT status_needs_no_accept CHECK (accepted_at IS NULL OR status NOT IN ('PENDING', 'CONNECTION_SENT')),
  CONSTRAINT reply_needs_accept CHECK (replied_at IS NULL OR accepted_at IS NOT NULL),
  CONSTRAINT accept_is_whole CHECK (
    (accepted_at IS NULL AND accepted_precision IS NULL AND detected_at IS NULL AND source IS NULL AND path IS NULL
      AND accept_key IS NULL AND via_sibling = 0 AND pre_connected = 0 AND late = 0 AND backfill = 0)
    OR (accepted_at IS NOT NULL AND accepted_precision IS NOT NULL AND detected_at IS NOT NULL AND source IS NOT NULL
      AND accept_key IS NOT NULL)),
  CONSTRAINT accept_is_announced_under_its_key CHECK (accept_key = 'li-accept:' || account_id || ':' || id),
  CONSTRAINT precision_word CHECK (accepted_precision IN ('exact', 'upper_bound', 'inferred')),
  CONSTRAINT source_word CHECK (source IN ('webhook', 'poll', 'already_connected', 'reply', 'note_echo', 'sendpilot',
    'resync', 'manual')),
  CONSTRAINT path_word CHECK (path IN ('bridge', 'direct', 'sales_nav', 'profile')),
  CONSTRAINT flags CHECK (via_sibling IN (0, 1) AND pre_connected IN (0, 1) AND late IN (0, 1) AND backfill IN (0, 1)
    AND met_later IN (0, 1)),
  CONSTRAINT member_number_is_positive CHECK (member_number > 0),
  CONSTRAINT sales_number_is_positive CHECK (sales_number > 0),
  CONSTRAINT invite_number_is_positive CHECK (invite_number > 0),
  CONSTRAINT next_step_needs_accept CHECK (next_step_at IS NULL OR accepted_at IS NOT NULL)
) STRICT;

CREATE INDEX enrollments_by_campaign ON enrollments (campaign_id, seq);
CREATE INDEX enrollments_by_account ON enrollments (account_id, seq);
CREATE INDEX enrollments_open ON enrollments (account_id, campaign_id, invited_at, created_at)
  WHERE accepted_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE');
CREATE INDEX enrollments_late ON enrollments (seq) WHERE late = 1;
CREATE INDEX enrollments_provider_id ON enrollments (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX enrollments_member_number ON enrollments (member_number) WHERE member_number IS NOT NULL;
CREATE INDEX enrollments_sales_id ON enrollments (sales_id) WHERE sales_id IS NOT NULL;
CREATE INDEX enrollments_sales_number ON enrollments (sales_number) WHERE sales_number IS NOT NULL;
CREATE INDEX enrollments_public_identifier ON enrollments (public_identifier) WHERE public_identifier IS NOT NULL;
CREATE INDEX enrollments_invite_provider_id ON enrollments (invite_provider_id) WHERE invite_provider_id IS NOT NULL;
CREATE INDEX enrollments_invite_number ON enrollments (invite_number) WHERE invite_number IS NOT NULL;

CREATE TRIGGER accepted_at_is_written_once BEFORE UPDATE ON enrollments
WHEN OLD.accepted_at IS NOT NULL AND (NEW.accepted_at IS NOT OLD.accepted_at
  OR NEW.accepted_precision IS NOT OLD.accepted_precision OR NEW.detected_at IS NOT OLD.detected_at
  OR NEW.source IS NOT OLD.source OR NEW.path IS NOT OLD.path OR NEW.accept_key IS NOT OLD.accept_key
  OR NEW.account_id IS NOT OLD.account_id)
BEGIN
  SELECT RAISE(ABORT, 'accepted_at is written once and its account stays');
END;

CREATE TRIGGER replied_at_is_written_once BEFORE UPDATE ON enrollments
WHEN OLD.replied_at IS NOT NULL AND NEW.replied_at IS NOT OLD.replied_at
BEGIN
  SELECT RAISE(ABORT, 'replied_at is written once');
END;

-- The ledger. The evidence is append-only; what it led to may change.
CREATE TABLE signals (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at       INTEGER NOT NULL,
  source            TEXT NOT NULL,
  account_id        TEXT,
  outcome           TEXT NOT NULL,
  reason            TEXT NOT NULL,
  provider_id       TEXT,
  number            INTEGER,
  sales_id          TEXT,
  public_identifier TEXT,
  evidence          TEXT,
  raw               TEXT NOT NULL,
  CONSTRAINT signal_source CHECK (source IN ('webhook', 'poll', 'already_connected', 'reply', 'note_echo', 'sendpilot',
    'resync', 'manual')),
  CONSTRAINT signal_outcome CHECK (outcome IN ('stamped', 'already_stamped', 'unmatched', 'ambiguous', 'duplicate',
    'ignored', 'recorded')),
  CONSTRAINT evidence_is_json CHECK (evidence IS NULL OR json_valid(evidence)),
  CONSTRAINT raw_is_json CHECK (json_valid(raw))
) STRICT;
CREATE INDEX signals_by_outcome ON signals (outcome, id);
CREATE INDEX signals_by_account ON signals (account_id, id);
CREATE INDEX signals_by_time ON signals (received_at);
CREATE INDEX signals_unmatched_provider_id ON signals (provider_id) WHERE outcome = 'unmatched' AND provider_id IS NOT NULL;
CREATE INDEX signals_unmatched_number ON signals (number) WHERE outcome = 'unmatched' AND number IS NOT NULL;
CREATE INDEX signals_unmatched_sales_id ON signals (sales_id) WHERE outcome = 'unmatched' AND sales_id IS NOT NULL;
CREATE INDEX signals_unmatched_public_identifier ON signals (public_identifier)
  WHERE outcome = 'unmatched' AND public_identifier IS NOT NULL;

CREATE TRIGGER evidence_is_append_only BEFORE UPDATE ON signals
WHEN NEW.received_at IS NOT OLD.received_at OR NEW.source IS NOT OLD.source OR NEW.account_id IS NOT OLD.account_id
  OR NEW.provider_id IS NOT OLD.provider_id OR NEW.number IS NOT OLD.number OR NEW.sales_id IS NOT OLD.sales_id
  OR NEW.public_identifier IS NOT OLD.public_identifier OR NEW.evidence IS NOT OLD.evidence OR NEW.raw IS NOT OLD.raw
BEGIN
  SELECT RAISE(ABORT, 'evidence is append-only; only its outcome may change');
END;

CREATE TABLE signal_enrollments (
  signal_id     INTEGER NOT NULL REFERENCES signals (id) ON DELETE CASCADE,
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
  path          TEXT,
  PRIMARY KEY (signal_id, enrollment_id),
  CONSTRAINT signal_path CHECK (path IN ('bridge', 'direct', 'sales_nav', 'profile'))
) STRICT, WITHOUT ROWID;
CREATE INDEX signal_enrollments_by_enrollment ON signal_enrollments (enrollment_id, signal_id);

-- Event ids of providers. Remembered in the transaction of what they led to; never pruned with the ledger.
CREATE TABLE provider_events (
  provider   TEXT NOT NULL,
  event_type TEXT NOT NULL,
  subject    TEXT NOT NULL,
  event_id   TEXT NOT NULL,
  PRIMARY KEY (provider, event_type, subject, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE destinations (
  name            TEXT PRIMARY KEY,
  url_fingerprint TEXT NOT NULL,
  stopped_at      INTEGER,
  stopped_reason  TEXT,
  CONSTRAINT a_stop_has_a_reason CHECK ((stopped_at IS NULL) = (stopped_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id        TEXT NOT NULL REFERENCES events (id),
  destination     TEXT NOT NULL,
  state           TEXT NOT NULL DEFAULT 'pending',
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER,
  last_status     INTEGER,
  last_error      TEXT,
  created_at      INTEGER NOT NULL,
  delivered_at    INTEGER,
  UNIQUE (event_id, destination),
  CONSTRAINT delivery_state CHECK (state IN ('pending', 'sending', 'delivered', 'dead', 'held')),
  CONSTRAINT attempts_are_counted CHECK (attempts >= 0),
  CONSTRAINT only_pending_waits CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
  CONSTRAINT only_delivered_was_delivered CHECK (delivered_at IS NULL OR state = 'delivered')
) STRICT;
CREATE INDEX deliveries_due ON deliveries (destination, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_state ON deliveries (state, destination, id);
CREATE INDEX deliveries_by_destination ON deliveries (destination, id);

-- What happened, for those who watch it live; pruned after a day.
CREATE TABLE changes (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,
  at   INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT change_kind CHECK (kind IN ('stamp', 'delivery')),
  CONSTRAINT change_is_json CHECK (json_valid(body))
) STRICT;
CREATE INDEX changes_by_time ON changes (at);
