SELECT id, kind, host, pid, born, started_at, expires_at, stopped_at
FROM engines WHERE stopped_at IS NULL ORDER BY started_at DESC, id
