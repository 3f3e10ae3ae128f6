INSERT INTO events (at, run, task, attempt, state, reason)
SELECT :now, run, ordinal, attempt, 'stopped', 'canceled' FROM tasks
WHERE run = :run AND status = 'running'
ORDER BY ordinal
