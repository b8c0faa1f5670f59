-- At least one row in every table that migration 0001 makes, as a daemon of that version would have left them.
INSERT INTO meta (key, value) VALUES ('kept', x'0102');
INSERT INTO accounts (id, provider, health, health_reason, outage_since, created_at) VALUES
  ('acc_1', 'unipile', 'ok', NULL, NULL, 1777700000000),
  ('acc_2', 'sendpilot', 'unhealthy', 'CREDENTIALS', 1777700100000, 1777700000000);
INSERT INTO campaigns (id, name, status, status_was_set, accept_window, accept_window_ms, schedule, daily_cap, created_at) VALUES
  ('unassigned', NULL, 'running', 0, NULL, NULL, NULL, NULL, 1777700000000),
  ('camp_1', 'Founders Q2', 'paused', 1, '10d', 864000000, '{"timezone":"UTC","days":["mon"],"start":"09:00","end":"17:00"}', 20, 1777700000000);
INSERT INTO events (id, dedupe_key, type, enrollment_id, created_at, body) VALUES
  ('evt_11111111-1111-5111-8111-111111111111', 'li-accept:acc_1:enr_2', 'linkedin.invite_accepted', 'enr_2', 1777734848120, '{}'),
  ('evt_22222222-2222-5222-8222-222222222222', 'li-accept:acc_1:erased', 'linkedin.invite_accepted', NULL, 1777734848120, NULL);
INSERT INTO enrollments (id, account_id, campaign_id, status, public_identifier, invited_at, created_at) VALUES
  ('enr_1', 'acc_1', 'camp_1', 'CONNECTION_SENT', 'ada-l', 1777700200000, 1777700100000);
INSERT INTO enrollments (id, account_id, campaign_id, status, provider_id, accepted_at, accepted_precision, detected_at,
    source, path, accept_key, created_at) VALUES
  ('enr_2', 'acc_1', 'unassigned', 'CONNECTION_ACCEPTED', 'opaque', 1777734848000, 'upper_bound', 1777734848120,
    'webhook', 'direct', 'li-accept:acc_1:enr_2', 1777700100000);
INSERT INTO signals (received_at, source, account_id, outcome, reason, provider_id, evidence, raw) VALUES
  (1777734848120, 'webhook', 'acc_1', 'stamped', 'It was the first sign.', 'opaque', '{}', '{}'),
  (1777734848121, 'webhook', 'acc_1', 'unmatched', 'No enrollment is this person.', 'nobody', '{}', '{}');
INSERT INTO signal_enrollments (signal_id, enrollment_id, path) VALUES (1, 'enr_2', 'direct');
INSERT INTO provider_events (provider, event_type, subject, event_id) VALUES ('sendpilot', 'connection.accepted', 'enr_2', 'e-1');
INSERT INTO destinations (name, url_fingerprint, stopped_at, stopped_reason) VALUES
  ('crm', 'f1', NULL, NULL), ('gone', 'f2', 1777734848120, '410');
INSERT INTO deliveries (event_id, destination, state, attempts, next_attempt_at, created_at, delivered_at) VALUES
  ('evt_11111111-1111-5111-8111-111111111111', 'crm', 'delivered', 1, NULL, 1777734848120, 1777734849000),
  ('evt_11111111-1111-5111-8111-111111111111', 'gone', 'pending', 1, 1777734948120, 1777734848120, NULL),
  ('evt_22222222-2222-5222-8222-222222222222', 'crm', 'dead', 10, NULL, 1777734848120, NULL);
INSERT INTO changes (at, kind, body) VALUES (1777734848120, 'stamp', '{}');
