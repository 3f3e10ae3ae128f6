SELECT 'a cached value is being computed by step number ' || flights.ordinal || ' of run number ' || flights.run
       || CASE WHEN tasks.run IS NULL THEN ', which does not exist' ELSE ', which is ' || tasks.status END
FROM flights LEFT JOIN tasks ON tasks.run = flights.run AND tasks.ordinal = flights.ordinal
WHERE tasks.run IS NULL OR tasks.status IN ($over)
