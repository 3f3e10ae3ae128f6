INSERT INTO events (id, at, run, state, reason) VALUES (:id, 0, 0, 'deleted', 'deleted')
