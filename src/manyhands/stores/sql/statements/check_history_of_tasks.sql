SELECT CASE WHEN last.state IS NULL THEN 'step ''' || name || ''' of run ''' || run_id || ''' has no event'
            ELSE 'step ''' || name || ''' of run ''' || run_id || ''' is ' || tasks.status || ' in attempt ' || tasks.attempt
                 || ', but its last event says ' || last.state || ' in attempt ' || COALESCE(last.attempt, 'none') END
FROM tasks
JOIN runs ON runs.key = tasks.run
LEFT JOIN (SELECT run, task, state, attempt, MAX(id) FROM events WHERE task IS NOT NULL GROUP BY run, task) AS last
       ON last.run = tasks.run AND last.task = tasks.ordinal
WHERE last.state IS NOT tasks.status OR last.attempt IS NOT tasks.attempt
ORDER BY tasks.run, tasks.ordinal
