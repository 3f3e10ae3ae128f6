SELECT COUNT(*) || ' steps of run number ' || run || ' have the name ''' || name || ''''
FROM tasks GROUP BY run, name HAVING COUNT(*) > 1
UNION ALL
SELECT COUNT(*) || ' runs have the id ''' || run_id || '''' FROM runs GROUP BY run_id HAVING COUNT(*) > 1
