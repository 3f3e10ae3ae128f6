SELECT runs.run_id, tasks.name, tasks.status, tasks.attempt
FROM tasks JOIN runs ON runs.key = tasks.run
WHERE tasks.run = :run AND tasks.ordinal = :task
