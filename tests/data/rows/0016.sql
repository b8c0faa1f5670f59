-- An import that is done, and an enrollment that it created.
INSERT INTO imports (id, state, created_at, ended_at, about, rows_total, rows_done, created)
VALUES ('import_1', 'done', 1780000000000, 1780000001000, '{}', 1, 1, 1);
UPDATE enrollments SET import_seq = 1 WHERE seq = (SELECT min(seq) FROM enrollments);
