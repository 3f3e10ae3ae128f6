SELECT 'event ' || events.id || ' is of run number ' || events.run || ', which does not exist'
FROM events LEFT JOIN runs ON runs.key = events.run
WHERE events.run <> 0 AND runs.key IS NULL
UNION ALL
SELECT 'event ' || events.id || ' is of step number ' || events.task || ' of run number ' || events.run
       || ', which does not exist'
FROM events
JOIN runs ON runs.key = events.run
LEFT JOIN tasks ON tasks.run = events.run AND tasks.ordinal = events.task
WHERE events.task IS NOT NULL AND tasks.run IS NULL
