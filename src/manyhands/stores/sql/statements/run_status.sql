SELECT run_id, status FROM runs WHERE key = :key
