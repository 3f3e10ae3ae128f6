INSERT INTO runs (run_id, kind, status, reason, definition, entry, metadata, epoch, engine,
                  created_at, started_at, detached, forked_from)
SELECT :new_id, kind, 'running', 'forked', definition, entry, metadata, 1, :engine, :now, :now, 0, run_id
FROM runs WHERE key = :key
RETURNING key
