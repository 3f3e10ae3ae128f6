SELECT ordinal, number, status, started_at, ended_at, worker, cause, message, exit_code, signal,
       CASE WHEN status <> 'succeeded' THEN codec END, CASE WHEN status <> 'succeeded' THEN data END,
       CASE WHEN status <> 'succeeded' THEN blob END, CASE WHEN status <> 'succeeded' THEN size END,
       traceback, log_file, log_start, log_end
FROM tries
WHERE run = :run AND ordinal = :task AND number > 0 ORDER BY number
