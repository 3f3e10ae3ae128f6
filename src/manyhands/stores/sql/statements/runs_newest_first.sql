SELECT runs.key, runs.run_id, runs.kind, runs.status, runs.reason, runs.message, runs.definition, runs.entry,
       runs.metadata, runs.epoch, runs.created_at, runs.started_at, runs.ended_at, runs.detached, runs.forked_from,
       runs.source, runs.takeovers,
       engines.id, engines.kind, engines.host, engines.pid, engines.born, engines.started_at, engines.expires_at,
       engines.stopped_at
FROM runs LEFT JOIN engines ON engines.id = runs.engine
WHERE (:any_status OR runs.status IN (SELECT value FROM json_each(:statuses)))
  AND (:kind IS NULL OR runs.kind = :kind)
  AND runs.key < :before
  AND substr(runs.run_id, 1, length(:prefix)) = :prefix
ORDER BY runs.key DESC
LIMIT :limit
