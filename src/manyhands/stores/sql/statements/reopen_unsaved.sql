UPDATE tasks
SET status = 'pending', reason = 'unsaved', message = '', worker = '', started_at = NULL, ended_at = NULL,
    due_at = NULL, source = NULL, forward_to = NULL, caught = 0
WHERE run = :run AND ordinal = :task AND saved = 0 AND status IN ($sources)
