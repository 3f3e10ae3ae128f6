SELECT flights.run, flights.ordinal,
       engines.id IS NOT NULL AND engines.stopped_at IS NULL AND engines.expires_at > :now
       AND engines.id NOT IN (SELECT value FROM json_each(:dead))
FROM flights LEFT JOIN engines ON engines.id = flights.engine
WHERE flights.key = :key
