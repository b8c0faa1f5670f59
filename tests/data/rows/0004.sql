-- An enrollment whose URL and id are one, as a daemon of version 4 would have left it.
INSERT INTO enrollments (id, account_id, campaign_id, status, linkedin_url, provider_id, member_number, given_provider_id, created_at)
VALUES ('enr_5', 'acc_1', 'camp_1', 'PENDING', 'https://www.linkedin.com/in/ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s',
    'ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s', 731204558, 'ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s', 1777700100000);
