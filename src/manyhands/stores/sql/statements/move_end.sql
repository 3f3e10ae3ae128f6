UPDATE tasks
SET status = '$to', reason = :reason, message = :message, started_at = COALESCE(:started_at, started_at),
    ended_at = COALESCE(:ended_at, ended_at), due_at = NULL, source = :source, caught = :caught, saved = :saved,
    cache_key = COALESCE(:cache_key, cache_key)
WHERE run = :run AND ordinal = :task AND attempt = :attempt AND status IN ($sources)
