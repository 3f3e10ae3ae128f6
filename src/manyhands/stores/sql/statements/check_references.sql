SELECT 'step ''' || tasks.name || ''' of run ''' || run_id || ''' forwards to step number ' || tasks.forward_to
       || ', which does not exist'
FROM tasks
JOIN runs ON runs.key = tasks.run
LEFT JOIN tasks AS other ON other.run = tasks.run AND other.ordinal = tasks.forward_to
WHERE tasks.forward_to IS NOT NULL AND other.run IS NULL
UNION ALL
SELECT 'step ''' || tasks.name || ''' of run ''' || run_id || ''' takes its outcome from step number ' || tasks.source
       || ', which does not exist'
FROM tasks
JOIN runs ON runs.key = tasks.run
LEFT JOIN tasks AS other ON other.run = tasks.run AND other.ordinal = tasks.source
WHERE tasks.source IS NOT NULL AND other.run IS NULL
UNION ALL
SELECT 'step ''' || tasks.name || ''' of run ''' || run_id || ''' was called by step number ' || calls.parent
       || ', which does not exist'
FROM tasks
JOIN runs ON runs.key = tasks.run
JOIN calls ON calls.run = tasks.run AND calls.ordinal = tasks.ordinal
LEFT JOIN tasks AS other ON other.run = tasks.run AND other.ordinal = calls.parent
WHERE calls.parent IS NOT NULL AND other.run IS NULL
UNION ALL
SELECT 'run ''' || run_id || ''' takes its outcome from step number ' || runs.source || ', which does not exist'
FROM runs LEFT JOIN tasks ON tasks.run = runs.key AND tasks.ordinal = runs.source
WHERE runs.source IS NOT NULL AND tasks.run IS NULL
