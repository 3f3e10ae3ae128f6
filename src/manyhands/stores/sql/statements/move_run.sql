UPDATE runs
SET status = '$to', reason = :reason, message = :message, source = :source, ended_at = :ended_at,
    engine = CASE WHEN :keeps_driver THEN engine END
WHERE key = :key AND epoch = :epoch AND status IN ($sources)
