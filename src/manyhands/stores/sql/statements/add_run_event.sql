INSERT INTO events (at, run, state, reason, message) VALUES (:at, :run, :state, :reason, :message)
