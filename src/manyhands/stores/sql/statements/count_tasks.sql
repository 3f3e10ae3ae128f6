SELECT status, COUNT(*) FROM tasks WHERE run = :run GROUP BY status
