SELECT 'step number ' || calls.ordinal || ' of run ''' || run_id || ''' needs step number ' || upstream.value
       || CASE WHEN upstream.value = calls.ordinal THEN ', which is itself' ELSE ', which does not exist' END
FROM calls
JOIN runs ON runs.key = calls.run
JOIN json_each(CASE WHEN json_valid(calls.upstreams) THEN calls.upstreams ELSE '[]' END) AS upstream
LEFT JOIN tasks ON tasks.run = calls.run AND tasks.ordinal = upstream.value
WHERE tasks.run IS NULL OR upstream.value = calls.ordinal
