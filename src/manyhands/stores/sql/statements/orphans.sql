-- CROSS: SQLite is to begin with the few open sessions, not with all runs.
SELECT runs.key, runs.run_id
FROM sessions
CROSS JOIN runs
LEFT JOIN engines ON engines.id = sessions.engine
WHERE runs.key = sessions.run AND sessions.ended_at IS NULL AND runs.status = 'running'
  AND (engines.id IS NULL OR engines.stopped_at IS NOT NULL OR engines.expires_at <= :now
       OR engines.id IN (SELECT value FROM json_each(:dead)))
ORDER BY runs.key
