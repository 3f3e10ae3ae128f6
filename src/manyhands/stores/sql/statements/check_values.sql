SELECT 'step ''' || name || ''' of run ''' || run_id || ''' is '
       || CASE WHEN saved THEN 'marked as saved, but has no value' ELSE 'not marked as saved, but has a value' END
FROM tasks
JOIN runs ON runs.key = tasks.run
WHERE saved <> EXISTS (SELECT 1 FROM tries
                       WHERE tries.run = tasks.run AND tries.ordinal = tasks.ordinal
                         AND tries.status = 'succeeded' AND tries.codec IS NOT NULL)
UNION ALL
SELECT 'step ''' || name || ''' of run ''' || run_id || ''' is ' || tasks.status || ', but has a saved value'
FROM tasks JOIN runs ON runs.key = tasks.run
WHERE saved AND tasks.status NOT IN ($over)
UNION ALL
SELECT 'attempt ' || number || ' of step number ' || ordinal || ' of run number ' || run
       || CASE WHEN data IS NULL THEN ' has a value without its bytes' ELSE ' has a value of ' || size || ' bytes, but '
               || LENGTH(data) || ' of them' END
FROM tries
WHERE codec IS NOT NULL AND blob IS NULL AND (data IS NULL OR size NOT IN (0, LENGTH(data)))
UNION ALL
SELECT 'the inputs of step number ' || ordinal || ' of run number ' || run || ' are of ' || inputs_size
       || ' bytes, but there are ' || LENGTH(inputs_data)
FROM calls WHERE inputs_blob IS NULL AND inputs_size NOT IN (0, LENGTH(inputs_data))
UNION ALL
SELECT 'step ''' || name || ''' of run ''' || run_id || ''' has the value of its first attempt in its row, but is '
       || tasks.status || ' in attempt ' || tasks.attempt
FROM tasks JOIN runs ON runs.key = tasks.run
WHERE codec IS NOT NULL AND (tasks.status <> 'succeeded' OR attempt <> 1)
UNION ALL
SELECT 'attempt 1 of step ''' || name || ''' of run ''' || run_id || ''' is recorded twice'
FROM tasks
JOIN runs ON runs.key = tasks.run
JOIN attempts ON attempts.run = tasks.run AND attempts.ordinal = tasks.ordinal AND number = 1
WHERE tasks.codec IS NOT NULL
