-- An actor is never over: it may be called again.
SELECT key FROM runs WHERE status IN ($ended) AND ended_at < :before AND kind <> 'actor' ORDER BY key LIMIT :limit
