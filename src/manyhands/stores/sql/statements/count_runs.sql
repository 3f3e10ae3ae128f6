SELECT status, COUNT(*) FROM runs GROUP BY status ORDER BY status
