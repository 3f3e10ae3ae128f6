DELETE FROM engines
WHERE COALESCE(stopped_at, expires_at) < :before
  AND id NOT IN (SELECT engine FROM sessions WHERE ended_at IS NULL)
