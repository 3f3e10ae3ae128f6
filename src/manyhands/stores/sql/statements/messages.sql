SELECT id, kind, key, at, codec, data, blob, size, task FROM messages
WHERE run = :run AND task IS NULL AND id > :after
ORDER BY id
