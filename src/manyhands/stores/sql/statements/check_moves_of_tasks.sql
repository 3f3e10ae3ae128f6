SELECT 'step ''' || name || ''' of run ''' || run_id || ''': event ' || event.id || ' makes it ' || event.state
       || CASE WHEN event.attempt < tried THEN ' in attempt ' || event.attempt || ' after attempt ' || tried
               ELSE COALESCE(' after ' || before, ' though it was not called') END
FROM (SELECT id, run, task, attempt, state,
             LAG(state) OVER history AS before, LAG(attempt) OVER history AS tried
      FROM events WHERE task IS NOT NULL
      WINDOW history AS (PARTITION BY run, task ORDER BY id)) AS event
JOIN runs ON runs.key = event.run
JOIN tasks ON tasks.run = event.run AND tasks.ordinal = event.task
WHERE (before IS NULL AND event.state <> 'pending' AND runs.forked_from IS NULL)
   OR before || '>' || event.state NOT IN (SELECT value FROM json_each(:task_moves))
   OR event.attempt < tried
ORDER BY event.id
