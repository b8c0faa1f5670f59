-- A session that a daemon of version 10 began.
INSERT INTO sessions (id_hash, token, proof, created_at, last_used_at)
VALUES (zeroblob(32), 'admin', zeroblob(32), 1777734846000, 1777734906000);
