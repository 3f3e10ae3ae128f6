SELECT version, ordinal, code, at, codec, data, blob, size FROM states
WHERE run = :run AND (:version IS NULL OR version = :version)
ORDER BY version
