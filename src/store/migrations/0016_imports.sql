-- Imports of files, and which enrollments each of them created, so that it can be taken back.

CREATE TABLE imports (
  seq                INTEGER PRIMARY KEY AUTOINCREMENT,
  id                 TEXT NOT NULL UNIQUE,
  state              TEXT NOT NULL,
  created_at         INTEGER NOT NULL,
  ended_at           INTEGER,
  about              TEXT NOT NULL,
  rows_total         INTEGER NOT NULL,
  rows_done          INTEGER NOT NULL DEFAULT 0,
  created            INTEGER NOT NULL DEFAULT 0,
  updated            INTEGER NOT NULL DEFAULT 0,
  unchanged          INTEGER NOT NULL DEFAULT 0,
  failed             INTEGER NOT NULL DEFAULT 0,
  no_usable_identity INTEGER NOT NULL DEFAULT 0,
  duplicates         INTEGER NOT NULL DEFAULT 0,
  errors             TEXT NOT NULL DEFAULT '[]',
  CONSTRAINT import_state CHECK (state IN ('running', 'done', 'interrupted')),
  CONSTRAINT import_ends_once CHECK ((state = 'running') = (ended_at IS NULL)),
  CONSTRAINT about_is_json CHECK (json_valid(about)),
  CONSTRAINT errors_are_json CHECK (json_valid(errors))
) STRICT;
CREATE INDEX imports_running ON imports (seq) WHERE state = 'running';

ALTER TABLE enrollments ADD COLUMN import_seq INTEGER REFERENCES imports (seq);
ALTER TABLE enrollments ADD COLUMN touched INTEGER NOT NULL DEFAULT 0
  CONSTRAINT touched_is_a_flag CHECK (touched IN (0, 1));
CREATE INDEX enrollments_by_import ON enrollments (import_seq, seq) WHERE import_seq IS NOT NULL;

-- An enrollment that was changed after its import is not taken back with it.
CREATE TRIGGER an_imported_enrollment_was_touched AFTER UPDATE ON enrollments
WHEN NEW.import_seq IS NOT NULL AND OLD.import_seq IS NEW.import_seq AND NEW.touched = 0 AND OLD.touched = 0
  AND (NEW.account_id IS NOT OLD.account_id OR NEW.campaign_id IS NOT OLD.campaign_id OR NEW.status IS NOT OLD.status
    OR NEW.name IS NOT OLD.name OR NEW.headline IS NOT OLD.headline OR NEW.company IS NOT OLD.company
    OR NEW.linkedin_url IS NOT OLD.linkedin_url OR NEW.given_provider_id IS NOT OLD.given_provider_id
    OR NEW.invited_at IS NOT OLD.invited_at OR NEW.invite_provider_id IS NOT OLD.invite_provider_id
    OR NEW.invitation_id IS NOT OLD.invitation_id OR NEW.note_hash IS NOT OLD.note_hash
    OR NEW.accepted_at IS NOT OLD.accepted_at OR NEW.next_step_at IS NOT OLD.next_step_at)
BEGIN
  UPDATE enrollments SET touched = 1 WHERE seq = NEW.seq;
END;
