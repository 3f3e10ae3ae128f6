INSERT INTO runs (run_id, kind, status, reason, definition, entry, metadata, epoch, engine,
                  created_at, started_at, detached, forked_from)
VALUES (:run_id, :kind, :status, :reason, :definition, :entry, :metadata, :epoch, :engine,
        :created_at, :started_at, :detached, :forked_from)
ON CONFLICT (run_id) DO NOTHING
RETURNING key
