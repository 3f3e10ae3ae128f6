DELETE FROM flights
WHERE NOT EXISTS (SELECT 1 FROM engines
                  WHERE engines.id = flights.engine AND stopped_at IS NULL AND expires_at > :now)
