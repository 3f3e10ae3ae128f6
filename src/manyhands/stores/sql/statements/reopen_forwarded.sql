UPDATE tasks
SET status = 'running', reason = 'forwarded', message = '', due_at = NULL, source = NULL, caught = 0
WHERE run = :run AND forward_to IS NOT NULL AND status IN ($sources)
