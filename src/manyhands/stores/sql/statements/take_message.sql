UPDATE messages SET task = :task WHERE id = :id AND run = :run AND task IS NULL
