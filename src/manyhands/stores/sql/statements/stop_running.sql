UPDATE tasks
SET status = 'stopped', reason = 'canceled', message = '', ended_at = COALESCE(ended_at, :now), due_at = NULL
WHERE run = :run AND status = 'running'
