DELETE FROM events WHERE run = 0
