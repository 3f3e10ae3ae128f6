SELECT codec, data, NULL, LENGTH(data) FROM tasks
WHERE run = :run AND ordinal = :task AND codec IS NOT NULL
UNION ALL
SELECT codec, data, blob, size FROM attempts
WHERE run = :run AND ordinal = :task AND status = 'succeeded' AND codec IS NOT NULL
LIMIT 1
