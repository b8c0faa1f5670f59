-- The leads of SendPilot's own list, as they were read last. A row holds no name and no address of a person.

CREATE TABLE listed_leads (
  id          TEXT PRIMARY KEY,
  status      TEXT NOT NULL,
  updated_at  INTEGER,
  -- Since when the lead waits for an enrollment with its id. Null once it was handed to the stamping routine.
  waits_since INTEGER,
  -- The ledger row that says so. It may be pruned.
  signal_id   INTEGER,
  CONSTRAINT lead_id_length CHECK (length(id) BETWEEN 1 AND 256),
  CONSTRAINT listed_status_needs_an_accept CHECK (status IN ('CONNECTION_ACCEPTED', 'MESSAGE_SENT', 'REPLY_RECEIVED')),
  CONSTRAINT a_waiting_lead_is_in_the_ledger CHECK ((waits_since IS NULL) = (signal_id IS NULL))
) STRICT, WITHOUT ROWID;
