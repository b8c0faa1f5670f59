-- Long names with mixed case, digits and hyphens, such as Maria-Fernanda-Gonzalez-Lopez-4b43a1b5, were stored as opaque ids and
-- matched nobody; placeholders, such as "none", were stored as identities. The accounts of such names look as deep as their
-- invites again.

CREATE TEMP TABLE names AS
  SELECT seq FROM enrollments
  WHERE provider_id IS NOT NULL AND public_identifier IS NULL AND length(provider_id) >= 32
    AND provider_id NOT GLOB '*[^-A-Za-z0-9_]*'
    AND provider_id GLOB '*-*' AND provider_id GLOB '*[A-Z]*' AND provider_id GLOB '*[a-z]*' AND provider_id GLOB '*[0-9]*'
    AND upper(substr(provider_id, 1, 5)) NOT IN ('ACOAA', 'ACWAA', 'AEMAA')
    AND given_provider_id IS NOT provider_id
    AND instr(linkedin_url, provider_id) > 0 AND linkedin_url NOT LIKE '%urn%';

UPDATE account_poll SET look_seq = look_seq + 1, next_look_at = 0
WHERE account_id IN (SELECT account_id FROM enrollments WHERE seq IN (SELECT seq FROM temp.names) AND accepted_at IS NULL);

UPDATE enrollments SET public_identifier = lower(provider_id),
  provider_id = CASE WHEN given_provider_id GLOB 'ACo*' THEN given_provider_id END
WHERE seq IN (SELECT seq FROM temp.names);

DROP TABLE temp.names;

UPDATE enrollments SET public_identifier = NULL
WHERE public_identifier IN ('none', 'null', 'na', 'nil', 'unknown', 'undefined')
  AND lower(trim(linkedin_url)) = public_identifier;

UPDATE enrollments SET provider_id = NULL
WHERE lower(provider_id) IN ('none', 'null', 'n/a', 'na', 'nil', 'unknown', 'undefined', '-');

UPDATE enrollments SET invite_provider_id = NULL
WHERE lower(invite_provider_id) IN ('none', 'null', 'n/a', 'na', 'nil', 'unknown', 'undefined', '-');
