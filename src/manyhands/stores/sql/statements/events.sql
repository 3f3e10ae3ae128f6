SELECT events.id, events.at, events.run, runs.run_id, events.task, tasks.name, events.attempt, events.state,
       events.reason, events.message
FROM events
JOIN runs ON runs.key = events.run
LEFT JOIN tasks ON tasks.run = events.run AND tasks.ordinal = events.task
WHERE events.id > :after ORDER BY events.id LIMIT :limit
