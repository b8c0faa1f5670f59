-- After the accept (contract section 12): which next steps went out, and which open invites were reported.

ALTER TABLE enrollments ADD COLUMN next_step_sent_at INTEGER
  CONSTRAINT a_step_goes_out_only_when_queued CHECK (next_step_sent_at IS NULL OR next_step_at IS NOT NULL);
ALTER TABLE enrollments ADD COLUMN open_reported_at INTEGER;

CREATE INDEX enrollments_steps_due ON enrollments (campaign_id, next_step_at)
  WHERE next_step_at IS NOT NULL AND next_step_sent_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE');
CREATE INDEX enrollments_steps_by_day ON enrollments (account_id, campaign_id, coalesce(next_step_sent_at, next_step_at))
  WHERE next_step_at IS NOT NULL;
CREATE INDEX enrollments_open_invites ON enrollments (campaign_id, invited_at)
  WHERE invited_at IS NOT NULL AND accepted_at IS NULL AND open_reported_at IS NULL
    AND status NOT IN ('NOT_INTERESTED', 'DONE');

CREATE TRIGGER a_step_goes_out_once BEFORE UPDATE ON enrollments
WHEN OLD.next_step_sent_at IS NOT NULL
  AND (NEW.next_step_sent_at IS NOT OLD.next_step_sent_at OR NEW.next_step_at IS NOT OLD.next_step_at)
BEGIN
  SELECT RAISE(ABORT, 'a step goes out once');
END;
