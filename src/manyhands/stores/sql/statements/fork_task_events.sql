INSERT INTO events (at, run, task, attempt, state, reason)
SELECT :now, run, ordinal, attempt, status, CASE WHEN status = 'running' THEN 'forwarded' ELSE 'forked' END
FROM tasks WHERE run = :new ORDER BY ordinal
