INSERT INTO attempts (run, ordinal, number, status, worker, started_at, ended_at, cause, message)
SELECT run, ordinal, attempt, :status, worker, COALESCE(started_at, :now), :now, :cause, :message
FROM tasks
WHERE run = :run AND status = 'running' AND attempt > 0
  AND NOT EXISTS (SELECT 1 FROM attempts AS ended
                  WHERE ended.run = tasks.run AND ended.ordinal = tasks.ordinal AND ended.number = tasks.attempt)
