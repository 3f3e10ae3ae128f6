SELECT version, ordinal, code, at, codec, data, blob, size FROM states
WHERE run = :run
ORDER BY version DESC
LIMIT 1
