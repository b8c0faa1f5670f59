-- How often a poll was asked for: a wish that comes while a poll is under way is told from the one that this poll was made for.

ALTER TABLE account_poll ADD COLUMN asks INTEGER NOT NULL DEFAULT 0;
