UPDATE tasks
SET status = 'running', reason = :reason, message = :message, started_at = COALESCE(:started_at, started_at),
    ended_at = COALESCE(:ended_at, ended_at), due_at = NULL, forward_to = COALESCE(:forward_to, forward_to),
    cache_key = COALESCE(:cache_key, cache_key)
WHERE run = :run AND ordinal = :task AND attempt = :attempt AND status IN ($sources)
