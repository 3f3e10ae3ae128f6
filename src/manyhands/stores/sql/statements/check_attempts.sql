SELECT 'attempt ' || number || ' is of step number ' || attempts.ordinal || ' of run number ' || attempts.run
       || ', which does not exist'
FROM attempts LEFT JOIN tasks ON tasks.run = attempts.run AND tasks.ordinal = attempts.ordinal
WHERE tasks.run IS NULL
UNION ALL
SELECT 'step ''' || name || ''' of run ''' || run_id || ''' is in attempt ' || tasks.attempt || ', but attempt '
       || number || ' has ended'
FROM attempts
JOIN tasks ON tasks.run = attempts.run AND tasks.ordinal = attempts.ordinal
JOIN runs ON runs.key = attempts.run
WHERE number > tasks.attempt OR number < 0
