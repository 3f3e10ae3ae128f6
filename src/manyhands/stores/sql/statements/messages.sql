SELECT id, kind, key, at, codec, data, blob, size, task FROM messages
WHERE run = :run AND task IS NULL
ORDER BY id
