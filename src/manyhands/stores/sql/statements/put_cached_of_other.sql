INSERT OR REPLACE INTO cache (key, codec, data, blob, size, run_id, name, at, expires_at)
SELECT :key, tries.codec, tries.data, tries.blob, tries.size, runs.run_id, tasks.name, :at, :expires_at
FROM runs
JOIN tasks ON tasks.run = runs.key
JOIN tries ON tries.run = runs.key AND tries.ordinal = :source
             AND tries.status = 'succeeded' AND tries.codec IS NOT NULL
WHERE runs.key = :run AND tasks.ordinal = :task
