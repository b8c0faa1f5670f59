-- A step that went out and an open invite that was reported, as a daemon of version 2 would have left them.
INSERT INTO events (id, dedupe_key, type, enrollment_id, created_at, body) VALUES
  ('evt_44444444-4444-5444-8444-444444444444', 'li-accept:acc_1:enr_3', 'linkedin.invite_accepted', 'enr_3', 1777734848120, '{}');
INSERT INTO enrollments (id, account_id, campaign_id, status, public_identifier, accepted_at, accepted_precision, detected_at,
    source, path, accept_key, next_step_at, next_step_sent_at, created_at) VALUES
  ('enr_3', 'acc_1', 'camp_1', 'CONNECTION_ACCEPTED', 'grace-h', 1777734848000, 'exact', 1777734848120,
    'webhook', 'profile', 'li-accept:acc_1:enr_3', 1777734858120, 1777734858130, 1777700100000);
INSERT INTO enrollments (id, account_id, campaign_id, status, public_identifier, invited_at, open_reported_at, created_at) VALUES
  ('enr_4', 'acc_1', 'camp_1', 'CONNECTION_SENT', 'joan-c', 1777700200000, 1777734858130, 1777700100000);
