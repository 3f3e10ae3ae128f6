INSERT INTO sessions (run, epoch, engine, started_at) SELECT key, epoch, engine, :now FROM runs WHERE key = :run
