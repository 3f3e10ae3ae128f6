SELECT 1
FROM sessions JOIN engines ON engines.id = sessions.engine
WHERE sessions.run = :run AND sessions.ended_at IS NULL
  AND engines.stopped_at IS NULL AND engines.expires_at > :now
  AND engines.id NOT IN (SELECT value FROM json_each(:dead))
