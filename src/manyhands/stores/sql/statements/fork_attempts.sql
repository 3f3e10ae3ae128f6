INSERT INTO attempts (run, ordinal, number, status, worker, started_at, ended_at, codec, data, blob, size,
                      cause, message, exit_code, signal, traceback, log_file, log_start, log_end)
SELECT :new, ordinal, number, status, worker, started_at, ended_at, codec, data, blob, size,
       cause, message, exit_code, signal, traceback, log_file, log_start, log_end
FROM attempts
WHERE run = :old AND ordinal IN (SELECT ordinal FROM tasks WHERE run = :new AND reason <> 'forked')
ORDER BY ordinal, number
