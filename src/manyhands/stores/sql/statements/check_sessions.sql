SELECT 'session ' || sessions.epoch || ' is of run number ' || sessions.run || ', which does not exist'
FROM sessions LEFT JOIN runs ON runs.key = sessions.run
WHERE runs.key IS NULL
UNION ALL
SELECT 'run ''' || run_id || ''' is ' || status || ', but its session ' || sessions.epoch || ' is open'
FROM sessions JOIN runs ON runs.key = sessions.run
WHERE sessions.ended_at IS NULL AND runs.status <> 'running'
UNION ALL
SELECT 'run ''' || run_id || ''' is in epoch ' || runs.epoch || ', but its open session is ' || sessions.epoch
FROM sessions JOIN runs ON runs.key = sessions.run
WHERE sessions.ended_at IS NULL AND sessions.epoch <> runs.epoch
UNION ALL
SELECT 'run ''' || run_id || ''' is in epoch ' || runs.epoch || ', but has a session ' || sessions.epoch
FROM sessions JOIN runs ON runs.key = sessions.run
WHERE sessions.ended_at IS NOT NULL AND sessions.epoch > runs.epoch
UNION ALL
SELECT 'run ''' || run_id || ''' has ' || COUNT(*) || ' open sessions'
FROM sessions JOIN runs ON runs.key = sessions.run
WHERE sessions.ended_at IS NULL GROUP BY sessions.run HAVING COUNT(*) > 1
UNION ALL
SELECT 'run ''' || run_id || ''' is driven by engine ''' || COALESCE(runs.engine, 'nobody')
       || ''', but its session is of ''' || sessions.engine || ''''
FROM sessions JOIN runs ON runs.key = sessions.run
WHERE sessions.ended_at IS NULL AND runs.engine IS NOT sessions.engine
UNION ALL
SELECT 'session ' || sessions.epoch || ' of run ''' || run_id || ''' is open, but its engine ''' || sessions.engine
       || ''' is not known'
FROM sessions
JOIN runs ON runs.key = sessions.run
LEFT JOIN engines ON engines.id = sessions.engine
WHERE sessions.ended_at IS NULL AND engines.id IS NULL
UNION ALL
SELECT 'run ''' || run_id || ''' is running, but has no open session'
FROM runs
WHERE status = 'running' AND key NOT IN (SELECT run FROM sessions WHERE ended_at IS NULL)
UNION ALL
SELECT 'run ''' || run_id || ''' is ' || status || ', but engine ''' || engine || ''' is to drive it'
FROM runs WHERE status <> 'running' AND engine IS NOT NULL
