SELECT codec, data, blob, size
FROM attempts
WHERE run = :run AND ordinal = :task AND status = 'succeeded' AND codec IS NOT NULL
ORDER BY number DESC LIMIT 1
