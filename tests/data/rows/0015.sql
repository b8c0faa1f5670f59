-- A change of a user, as the first version of the audit trail stores it.
INSERT INTO audit (at, actor, via, action, subject, peer)
  VALUES (1, 'session:support', 'dashboard', 'PATCH /v1/enrollments/{id}', 'enr_1', '192.0.2.7');
