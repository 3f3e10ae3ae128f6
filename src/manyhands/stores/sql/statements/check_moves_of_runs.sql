SELECT 'run ''' || run_id || ''': event ' || id || ' makes it ' || state || ' after ' || before
FROM (SELECT id, run, state, LAG(state) OVER (PARTITION BY run ORDER BY id) AS before FROM events WHERE task IS NULL)
JOIN runs ON runs.key = run
WHERE before IS NOT NULL AND before || '>' || state NOT IN (SELECT value FROM json_each(:run_moves))
ORDER BY id
