-- Sessions of the dashboard. Nothing in a row lets anybody in: the browser alone has the random id whose hash is the key.

CREATE TABLE sessions (
  -- SHA-256 of the id.
  id_hash      BLOB    PRIMARY KEY CHECK (length(id_hash) = 32),
  -- The name of the token that began it.
  token        TEXT    NOT NULL CHECK (token <> ''),
  -- HMAC-SHA-256 of that token's secret under the id: a changed token ends the session.
  proof        BLOB    NOT NULL CHECK (length(proof) = 32),
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL CHECK (last_used_at >= created_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_use ON sessions (token, last_used_at);
