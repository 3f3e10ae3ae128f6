UPDATE tasks
SET status = 'stopped', reason = 'canceled', message = '', ended_at = COALESCE(ended_at, :now), due_at = CASE worker WHEN 'wait' THEN due_at END
WHERE run = :run AND status = 'running'
