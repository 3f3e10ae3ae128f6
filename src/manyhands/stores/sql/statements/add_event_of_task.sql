INSERT INTO events (at, run, task, attempt, state, reason)
SELECT :now, run, ordinal, attempt, status, reason FROM tasks WHERE run = :run AND ordinal = :task
