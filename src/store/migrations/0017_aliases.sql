-- Other ids of an account. The account has its pace, its polls and its health under one id only; enrollments keep the id they came with.
CREATE TABLE account_aliases (
  alias      TEXT PRIMARY KEY REFERENCES accounts (id),
  account_id TEXT NOT NULL REFERENCES accounts (id),
  CONSTRAINT alias_is_another_id CHECK (alias <> account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_aliases_by_account ON account_aliases (account_id);

CREATE TRIGGER an_alias_has_no_alias BEFORE INSERT ON account_aliases
WHEN EXISTS (SELECT 1 FROM account_aliases WHERE alias = NEW.account_id OR account_id = NEW.alias)
BEGIN
  SELECT RAISE(ABORT, 'an alias stands for an account, not for another alias');
END;
