SELECT key FROM runs WHERE status IN ($ended) AND ended_at < :before ORDER BY key LIMIT :limit
