-- The events that name the former person of an enrollment that was moved to another one, by the keys of that person (as in
-- signal_keys): erasing the person finds them, although the enrollment is about somebody else now.

CREATE TABLE former_events (
  key       TEXT NOT NULL,
  event_seq INTEGER NOT NULL REFERENCES events (seq),
  PRIMARY KEY (key, event_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_events_by_event ON former_events (event_seq);
