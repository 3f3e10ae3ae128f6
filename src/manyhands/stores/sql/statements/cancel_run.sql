UPDATE runs
SET status = 'canceled', reason = 'canceled', message = :message, epoch = epoch + 1, engine = NULL, ended_at = :now,
    source = NULL
WHERE key = :key AND status IN ($sources)
