SELECT 'step ''' || name || ''' is of run number ' || run || ', which does not exist'
FROM tasks LEFT JOIN runs ON runs.key = tasks.run
WHERE runs.key IS NULL
UNION ALL
SELECT 'step ''' || name || ''' of run ''' || run_id || ''' cannot be run: what was asked for is missing'
FROM tasks
JOIN runs ON runs.key = tasks.run
LEFT JOIN calls ON calls.run = tasks.run AND calls.ordinal = tasks.ordinal
WHERE calls.run IS NULL
UNION ALL
SELECT 'call number ' || calls.ordinal || ' of run number ' || calls.run || ' has no step'
FROM calls LEFT JOIN tasks ON tasks.run = calls.run AND tasks.ordinal = calls.ordinal
WHERE tasks.run IS NULL
UNION ALL
SELECT 'step ''' || name || ''' of run ''' || run_id || ''' is running in attempt 0'
FROM tasks JOIN runs ON runs.key = tasks.run
WHERE tasks.status = 'running' AND tasks.attempt < 1
