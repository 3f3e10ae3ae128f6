SELECT runs.key, runs.run_id, runs.kind, runs.status, runs.reason, runs.message, runs.definition, runs.entry,
       runs.metadata, runs.epoch, runs.created_at, runs.started_at, runs.ended_at, runs.detached, runs.forked_from,
       runs.source, runs.takeovers,
       engines.id, engines.kind, engines.host, engines.pid, engines.born, engines.started_at, engines.expires_at,
       engines.stopped_at
FROM runs LEFT JOIN engines ON engines.id = runs.engine
WHERE runs.key IN (
    SELECT key FROM runs WHERE status IN ('pending', 'resumable')
    UNION ALL
    SELECT sessions.run
    FROM sessions LEFT JOIN engines ON engines.id = sessions.engine
    WHERE sessions.ended_at IS NULL
      AND (engines.id IS NULL OR engines.stopped_at IS NOT NULL OR engines.expires_at <= :now
           OR engines.id IN (SELECT value FROM json_each(:dead)))
)
ORDER BY runs.key
