UPDATE tasks
SET status = 'succeeded', reason = :reason, message = '', worker = :worker,
    started_at = :started_at, ended_at = :ended_at,
    due_at = NULL, source = NULL, caught = 0, saved = :saved, codec = :codec, data = :data
WHERE run = :run AND ordinal = :task AND attempt = :attempt AND status IN ($sources)
