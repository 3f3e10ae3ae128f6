UPDATE tasks
SET status = 'succeeded', reason = :reason, message = '', started_at = :started_at, ended_at = :ended_at,
    due_at = NULL, source = NULL, caught = 0, saved = :saved
WHERE run = :run AND ordinal = :task AND attempt = :attempt AND status IN ($sources)
