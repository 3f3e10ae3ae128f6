UPDATE tasks
SET status = 'pending', reason = 'resumed', message = '', worker = '', started_at = NULL, ended_at = NULL,
    due_at = CASE worker WHEN 'wait' THEN due_at END, source = NULL, caught = 0
WHERE run = :run AND forward_to IS NULL AND status IN ($sources)
