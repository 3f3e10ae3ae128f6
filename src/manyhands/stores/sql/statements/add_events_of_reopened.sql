INSERT INTO events (at, run, task, attempt, state, reason)
SELECT :now, run, ordinal, attempt,
       CASE WHEN forward_to IS NULL THEN 'pending' ELSE 'running' END,
       CASE WHEN forward_to IS NULL THEN 'resumed' ELSE 'forwarded' END
FROM tasks
WHERE run = :run AND status IN ($sources)
ORDER BY ordinal
