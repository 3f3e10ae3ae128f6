UPDATE engines SET stopped_at = :now WHERE id = :engine AND stopped_at IS NULL
