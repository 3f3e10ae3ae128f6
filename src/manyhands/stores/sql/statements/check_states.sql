SELECT 'version ' || version || ' of actor number ' || states.run || ' is of a step that does not exist'
FROM states LEFT JOIN tasks ON tasks.run = states.run AND tasks.ordinal = states.ordinal
WHERE tasks.run IS NULL
UNION ALL
SELECT 'actor ''' || run_id || ''' has ' || COUNT(*) || ' states, but versions up to ' || MAX(version)
FROM states JOIN runs ON runs.key = states.run
GROUP BY states.run HAVING MAX(version) <> COUNT(*) OR MIN(version) <> 1
UNION ALL
SELECT 'version ' || version || ' of actor number ' || run || ' is of ' || size || ' bytes, but there are ' || LENGTH(data)
FROM states WHERE blob IS NULL AND size NOT IN (0, LENGTH(data))
