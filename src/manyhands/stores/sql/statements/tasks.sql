SELECT tasks.ordinal, tasks.name, calls.base, calls.label, calls.kind, tasks.status, tasks.reason, tasks.message,
       tasks.attempt, calls.parent, tasks.source, tasks.forward_to, tasks.caught, tasks.worker, tasks.created_at,
       tasks.started_at, tasks.ended_at, tasks.due_at, calls.upstreams, calls.options, calls.metadata, tasks.saved,
       tasks.cache_key
FROM tasks JOIN calls ON calls.run = tasks.run AND calls.ordinal = tasks.ordinal
WHERE tasks.run = :run AND tasks.ordinal > :after
  AND (:any_status OR tasks.status IN (SELECT value FROM json_each(:statuses)))
ORDER BY tasks.ordinal
LIMIT :limit
