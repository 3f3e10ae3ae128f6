INSERT INTO attempts (run, ordinal, number, status, worker, started_at, ended_at, codec, data, blob, size,
                      cause, message, exit_code, signal, traceback, log_file, log_start, log_end)
VALUES (:run, :task, :number, :status, :worker, :started_at, :ended_at, :codec, :data, :blob, :size,
        :cause, :message, :exit_code, :signal, :traceback, :log_file, :log_start, :log_end)
