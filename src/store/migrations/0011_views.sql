-- Indexes for what people look at. An accept writes to one of them: `enrollments_accepted`, at the end of its campaign.

-- Everything that the counts of a campaign and the charts need of an accept.
CREATE INDEX enrollments_accepted
  ON enrollments (campaign_id, accepted_at, invited_at, pre_connected, late, source, path, account_id)
  WHERE accepted_at IS NOT NULL;
-- Few rows each, or rows that an accept does not touch: what the counts take away from all.
CREATE INDEX enrollments_uninvited ON enrollments (campaign_id)
  WHERE invited_at IS NULL AND accepted_at IS NULL AND status <> 'CONNECTION_SENT';
CREATE INDEX enrollments_replied ON enrollments (campaign_id) WHERE replied_at IS NOT NULL;
CREATE INDEX enrollments_unusable ON enrollments (campaign_id)
  WHERE provider_id IS NULL AND member_number IS NULL AND sales_id IS NULL AND sales_number IS NULL
    AND public_identifier IS NULL;
-- The usual path of an enrollment leads from CONNECTION_SENT to CONNECTION_ACCEPTED, so it is not in here.
CREATE INDEX enrollments_by_status ON enrollments (status, seq, campaign_id, account_id)
  WHERE status NOT IN ('CONNECTION_SENT', 'CONNECTION_ACCEPTED');
-- Of those that are open, the status is read here too.
DROP INDEX enrollments_open;
CREATE INDEX enrollments_open ON enrollments (account_id, campaign_id, invited_at, created_at, status)
  WHERE accepted_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE');

-- One index for the outcome, for the source, and for both.
DROP INDEX signals_by_outcome;
CREATE INDEX signals_by_outcome ON signals (outcome, source, id, account_id);

-- Resyncs that have served are removed.
CREATE INDEX resyncs_served ON resyncs (collapse_until) WHERE collapse_until IS NOT NULL;
