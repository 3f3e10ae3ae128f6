SELECT 1 FROM sessions WHERE run = :run AND epoch = :epoch AND ended_at IS NULL
