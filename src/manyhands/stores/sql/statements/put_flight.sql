INSERT OR REPLACE INTO flights (key, run, ordinal, engine, at) VALUES (:key, :run, :task, :engine, :now)
