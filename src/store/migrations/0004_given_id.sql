-- The provider's id as the caller gave it, so that clearing the URL takes away what the URL said and nothing else.

ALTER TABLE enrollments ADD COLUMN given_provider_id TEXT;
