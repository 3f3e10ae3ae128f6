SELECT 1 FROM tasks WHERE run = :run AND name = :name
