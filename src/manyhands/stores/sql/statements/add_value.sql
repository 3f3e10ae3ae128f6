INSERT INTO attempts (run, ordinal, number, status, worker, started_at, ended_at, codec, data, size)
VALUES (:run, :task, :number, 'succeeded', :worker, :started_at, :ended_at, :codec, :data, :size)
