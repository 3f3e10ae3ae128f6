SELECT runs.key, runs.run_id, runs.kind, runs.status, runs.reason, runs.message, runs.definition, runs.entry,
       runs.metadata, runs.epoch, runs.created_at, runs.started_at, runs.ended_at, runs.detached, runs.forked_from,
       runs.source, runs.takeovers,
       engines.id, engines.kind, engines.host, engines.pid, engines.born, engines.started_at, engines.expires_at,
       engines.stopped_at
FROM runs LEFT JOIN engines ON engines.id = runs.engine
WHERE runs.run_id = :run_id
