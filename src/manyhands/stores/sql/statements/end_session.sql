UPDATE sessions SET ended_at = :at WHERE run = :run AND ended_at IS NULL
