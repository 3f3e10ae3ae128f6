DELETE FROM flights WHERE key = :key AND run = :run AND ordinal = :task
