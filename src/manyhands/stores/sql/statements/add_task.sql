INSERT INTO tasks (run, ordinal, name, status, reason, created_at)
VALUES (:run, :ordinal, :name, 'pending', 'called', :created_at)
