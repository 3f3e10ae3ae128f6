UPDATE engines SET expires_at = :expires_at WHERE id = :engine AND stopped_at IS NULL
