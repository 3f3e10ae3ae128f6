SELECT CASE WHEN last.state IS NULL THEN 'run ''' || run_id || ''' has no event'
            ELSE 'run ''' || run_id || ''' is ' || status || ', but its last event says ' || last.state END
FROM runs
LEFT JOIN (SELECT run, state, MAX(id) FROM events WHERE task IS NULL GROUP BY run) AS last ON last.run = runs.key
WHERE last.state IS NOT status
ORDER BY runs.key
