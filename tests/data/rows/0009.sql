-- An event about somebody whom its enrollment was about before it was moved, as a daemon of version 9 would have left it.
INSERT INTO former_events (key, event_seq) VALUES ('s:ada-l', 1);
