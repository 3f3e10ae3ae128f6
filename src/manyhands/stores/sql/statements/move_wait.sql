UPDATE tasks
SET status = 'running', reason = :reason, message = :message, attempt = :attempt, worker = :worker,
    started_at = :started_at, ended_at = NULL, due_at = :due_at, source = NULL, forward_to = NULL
WHERE run = :run AND ordinal = :task AND attempt = :before AND status IN ($sources)
