UPDATE tasks
SET status = 'pending', reason = :reason, message = :message, worker = '', started_at = NULL, ended_at = NULL,
    due_at = :due_at, source = NULL, forward_to = NULL, caught = 0, saved = 0
WHERE run = :run AND ordinal = :task AND attempt = :attempt AND status IN ($sources)
