INSERT OR REPLACE INTO cache (key, codec, data, blob, size, run_id, name, at, expires_at)
SELECT :key, attempts.codec, attempts.data, attempts.blob, attempts.size, runs.run_id, tasks.name, :at, :expires_at
FROM runs
JOIN tasks ON tasks.run = runs.key
JOIN attempts ON attempts.run = runs.key AND attempts.ordinal = :source
             AND attempts.status = 'succeeded' AND attempts.codec IS NOT NULL
WHERE runs.key = :run AND tasks.ordinal = :task
