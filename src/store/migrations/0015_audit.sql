-- Who changed what, one row for each request or signal that changed something. No names of people and no bodies.

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  -- A token's name, 'session:' and a token's name, 'open', or 'signal'.
  actor   TEXT    NOT NULL CHECK (actor <> ''),
  via     TEXT    CHECK (via IN ('api', 'cli', 'dashboard')),
  -- Method and route template, or the name of a signal.
  action  TEXT    NOT NULL CHECK (action <> ''),
  -- The id of what was changed.
  subject TEXT    CHECK (subject <> ''),
  peer    TEXT    CHECK (peer <> '')
) STRICT;

-- A row says what happened; it is not changed afterwards.
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN
  SELECT RAISE(ABORT, 'a row of the audit trail never changes');
END;
