SELECT DISTINCT log_file FROM attempts WHERE log_file IS NOT NULL
