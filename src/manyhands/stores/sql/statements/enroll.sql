INSERT INTO engines (id, kind, host, pid, born, started_at, expires_at, stopped_at)
VALUES (:id, :kind, :host, :pid, :born, :started_at, :expires_at, :stopped_at)
ON CONFLICT (id) DO UPDATE
SET kind = :kind, host = :host, pid = :pid, born = :born, started_at = :started_at, expires_at = :expires_at,
    stopped_at = :stopped_at
