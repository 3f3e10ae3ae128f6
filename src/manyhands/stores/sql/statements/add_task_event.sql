INSERT INTO events (at, run, task, attempt, state, reason, message)
VALUES (:at, :run, :task, :attempt, :state, :reason, :message)
