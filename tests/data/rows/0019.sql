-- Leads of SendPilot's own list, as a daemon of version 19 would have left them: one that was applied and one that waits.
INSERT INTO listed_leads (id, status, updated_at, waits_since, signal_id) VALUES
  ('enr_1', 'MESSAGE_SENT', 1777734846000, NULL, NULL),
  ('lead_9', 'CONNECTION_ACCEPTED', 1777734846000, 1777734900000, 1);
