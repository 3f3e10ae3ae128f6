-- An attempt that was taken back before it began has an event that made its task pending again, and no row.
WITH RECURSIVE suspect (run, ordinal, attempt, running) AS (
    SELECT run, ordinal, attempt, status = 'running' AND forward_to IS NULL
    FROM tasks
    WHERE attempt > (SELECT COUNT(*) FROM tries
                     WHERE tries.run = tasks.run AND tries.ordinal = tasks.ordinal AND number > 0)
), tried (run, ordinal, number, running) AS (
    SELECT run, ordinal, attempt, running FROM suspect
    UNION ALL
    SELECT run, ordinal, number - 1, 0 FROM tried WHERE number > 1
)
SELECT 'attempt ' || tried.number || ' of step ''' || name || ''' of run ''' || run_id || ''' has no record'
FROM tried
JOIN tasks ON tasks.run = tried.run AND tasks.ordinal = tried.ordinal
JOIN runs ON runs.key = tried.run
WHERE NOT running
  AND NOT EXISTS (SELECT 1 FROM tries
                  WHERE tries.run = tried.run AND tries.ordinal = tried.ordinal
                    AND tries.number = tried.number)
  AND NOT EXISTS (SELECT 1 FROM events
                  WHERE events.run = tried.run AND events.task = tried.ordinal AND events.attempt = tried.number
                    AND events.state = 'pending')
