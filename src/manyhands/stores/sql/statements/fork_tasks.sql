-- A task that was left running by a lost driver has nobody who runs it in the copy: it is pending there.
WITH old AS (
    SELECT *,
           CASE WHEN ordinal IN (SELECT value FROM json_each(:rerun)) THEN 'rerun'
                WHEN ordinal IN (SELECT value FROM json_each(:skip)) THEN 'skip'
                WHEN ordinal IN (SELECT value FROM json_each(:follow)) THEN 'follow'
                WHEN status = 'running' AND forward_to IS NULL THEN 'rerun'
                ELSE 'take' END AS fate
    FROM tasks WHERE run = :old
)
INSERT INTO tasks (run, ordinal, name, status, reason, message, attempt, worker, created_at, started_at, ended_at,
                   source, forward_to, caught, saved, cache_key, codec, data)
SELECT :new, ordinal, name, status, reason, message, attempt, worker, created_at, started_at, ended_at,
       source, forward_to, caught, saved, cache_key, codec, data
FROM old WHERE fate = 'take'
UNION ALL
SELECT :new, ordinal, name, 'running', 'forwarded', '', attempt, worker, created_at, started_at, ended_at,
       NULL, forward_to, 0, 0, cache_key, NULL, NULL
FROM old WHERE fate = 'follow'
UNION ALL
SELECT :new, ordinal, name, CASE WHEN fate = 'skip' THEN 'skipped' ELSE 'pending' END, 'forked', '', 0, '', :now,
       NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL
FROM old WHERE fate IN ('rerun', 'skip')
ORDER BY 2
