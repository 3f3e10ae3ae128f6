UPDATE runs
SET status = 'resumable', reason = :reason, message = :message, engine = NULL
WHERE key = :key AND status IN ($sources)
