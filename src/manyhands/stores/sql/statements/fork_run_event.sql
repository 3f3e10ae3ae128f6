INSERT INTO events (at, run, state, reason) SELECT :now, key, status, reason FROM runs WHERE key = :new
