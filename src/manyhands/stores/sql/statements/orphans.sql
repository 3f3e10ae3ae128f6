SELECT runs.key, runs.run_id
FROM sessions
JOIN runs ON runs.key = sessions.run
LEFT JOIN engines ON engines.id = sessions.engine
WHERE sessions.ended_at IS NULL AND runs.status = 'running'
  AND (engines.id IS NULL OR engines.stopped_at IS NOT NULL OR engines.expires_at <= :now
       OR engines.id IN (SELECT value FROM json_each(:dead)))
ORDER BY runs.key
