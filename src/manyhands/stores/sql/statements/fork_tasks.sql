-- A task that was left running by a lost driver has nobody who runs it in the copy: it is pending there.
INSERT INTO tasks (run, ordinal, name, status, reason, message, attempt, worker, created_at, started_at, ended_at,
                   source, forward_to, caught, saved, cache_key)
SELECT :new, ordinal, name, status, reason, message, attempt, worker, created_at, started_at, ended_at,
       source, forward_to, caught, saved, cache_key
FROM tasks
WHERE run = :old AND (status <> 'running' OR forward_to IS NOT NULL)
  AND ordinal NOT IN (SELECT value FROM json_each(:rerun))
UNION ALL
SELECT :new, ordinal, name, 'pending', 'forked', '', 0, '', :now, NULL, NULL,
       NULL, NULL, 0, 0, NULL
FROM tasks
WHERE run = :old AND (status = 'running' AND forward_to IS NULL
                      OR ordinal IN (SELECT value FROM json_each(:rerun)))
ORDER BY 2
