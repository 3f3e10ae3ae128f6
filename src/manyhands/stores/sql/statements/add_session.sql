INSERT INTO sessions (run, epoch, engine, started_at) VALUES (:run, :epoch, :engine, :at)
