INSERT OR REPLACE INTO cache (key, codec, data, blob, size, run_id, name, at, expires_at)
SELECT :key, :codec, :data, :blob, :size, runs.run_id, tasks.name, :at, :expires_at
FROM runs JOIN tasks ON tasks.run = runs.key
WHERE runs.key = :run AND tasks.ordinal = :task
