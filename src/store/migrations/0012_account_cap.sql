-- The next steps of one account on one day, over all campaigns: those that went out, and those that are queued.

CREATE INDEX enrollments_account_steps_sent ON enrollments (account_id, next_step_sent_at)
  WHERE next_step_sent_at IS NOT NULL;
CREATE INDEX enrollments_account_steps_queued ON enrollments (account_id, next_step_at)
  WHERE next_step_at IS NOT NULL AND next_step_sent_at IS NULL;
