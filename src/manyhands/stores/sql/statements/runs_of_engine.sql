SELECT run FROM sessions WHERE engine = :engine AND ended_at IS NULL ORDER BY run
