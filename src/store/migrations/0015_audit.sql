-- Who changed what, one row for each request or signal that changed something. No names of people and no bodies.

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  -- A token's name, 'session:' and a token's name, 'open', or 'signal'.
  actor   TEXT    NOT NULL,
  via     TEXT,
  -- Method and route template, or the name of a signal.
  action  TEXT    NOT NULL,
  -- The id of what was changed.
  subject TEXT,
  peer    TEXT,
  CONSTRAINT audit_names_who_and_what CHECK (actor <> '' AND action <> ''),
  CONSTRAINT audit_via CHECK (via IN ('api', 'cli', 'dashboard'))
) STRICT;

CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN
  SELECT RAISE(ABORT, 'a row of the audit trail never changes');
END;
