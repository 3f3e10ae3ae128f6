INSERT INTO events (at, run, task, attempt, state, reason)
SELECT :now, run, ordinal, attempt, status, 'forked' FROM tasks WHERE run = :new ORDER BY ordinal
