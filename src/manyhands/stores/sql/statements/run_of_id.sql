SELECT key, status, epoch FROM runs WHERE run_id = :run_id
