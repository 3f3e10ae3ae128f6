UPDATE runs
SET status = 'running', reason = :reason, message = '', epoch = epoch + 1, engine = :engine,
    started_at = :now, ended_at = NULL, source = NULL, takeovers = takeovers + :takeover
WHERE key = :key AND status IN ($sources)
