-- An enrollment with a long name in its URL, as a daemon of version 6 would have left it.
INSERT INTO enrollments (id, account_id, campaign_id, status, linkedin_url, public_identifier, created_at)
VALUES ('enr_6', 'acc_1', 'camp_1', 'PENDING', 'https://www.linkedin.com/in/Maria-Fernanda-Gonzalez-Lopez-4b43a1b5',
    'maria-fernanda-gonzalez-lopez-4b43a1b5', 1777700100000);
