SELECT 'message ' || messages.id || ' is for run number ' || run || ', which does not exist'
FROM messages LEFT JOIN runs ON runs.key = run
WHERE runs.key IS NULL
UNION ALL
SELECT 'message ' || messages.id || ' was taken by step number ' || messages.task || ' of run ''' || run_id
       || ''', which does not exist'
FROM messages
JOIN runs ON runs.key = messages.run
LEFT JOIN tasks ON tasks.run = messages.run AND tasks.ordinal = messages.task
WHERE messages.task IS NOT NULL AND tasks.run IS NULL
UNION ALL
SELECT 'run ''' || run_id || ''' is ' || status || ', but call ' || messages.id || ' of it waits'
FROM messages JOIN runs ON runs.key = messages.run
WHERE messages.task IS NULL AND messages.kind = 'call' AND status IN ('succeeded', 'failed')
UNION ALL
SELECT 'message ' || id || ' is of ' || size || ' bytes, but there are ' || LENGTH(data)
FROM messages WHERE blob IS NULL AND size NOT IN (0, LENGTH(data))
