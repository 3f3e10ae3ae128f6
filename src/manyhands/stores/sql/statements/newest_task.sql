SELECT MAX(ordinal) FROM tasks WHERE run = :run
