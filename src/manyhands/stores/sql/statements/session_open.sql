SELECT engine FROM sessions WHERE run = :run AND ended_at IS NULL
