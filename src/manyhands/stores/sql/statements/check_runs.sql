SELECT 'run ''' || run_id || ''' is ' || status || CASE WHEN ended_at IS NULL THEN ', but has no end'
                                                        ELSE ', but has an end' END
FROM runs WHERE (status IN ($ended)) <> (ended_at IS NOT NULL)
UNION ALL
SELECT 'run ''' || run_id || ''' starts at step number ' || entry || ', which does not exist'
FROM runs LEFT JOIN tasks ON tasks.run = key AND tasks.ordinal = entry
WHERE tasks.run IS NULL
UNION ALL
SELECT 'run ''' || run_id || ''' succeeded, but its step ''' || tasks.name || ''' is ' || tasks.status
FROM runs JOIN tasks ON tasks.run = key AND tasks.ordinal = entry
WHERE runs.status = 'succeeded' AND tasks.status NOT IN ('succeeded', 'skipped')
UNION ALL
SELECT 'run ''' || run_id || ''' is canceled, but its step ''' || tasks.name || ''' is running'
FROM runs JOIN tasks ON tasks.run = key
WHERE runs.status = 'canceled' AND tasks.status = 'running'
UNION ALL
SELECT 'run ''' || run_id || ''' has ' || COUNT(*) || ' steps, but numbers up to ' || MAX(ordinal)
FROM tasks JOIN runs ON runs.key = tasks.run
GROUP BY tasks.run HAVING MAX(ordinal) <> COUNT(*) - 1 OR MIN(ordinal) <> 0
