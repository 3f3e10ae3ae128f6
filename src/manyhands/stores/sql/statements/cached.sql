SELECT codec, data, blob, size, run_id, name, at, expires_at
FROM cache WHERE key = :key AND (expires_at IS NULL OR expires_at > :now)
