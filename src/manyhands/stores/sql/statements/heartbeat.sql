UPDATE engines SET expires_at = :expires_at, stopped_at = NULL WHERE id = :engine
