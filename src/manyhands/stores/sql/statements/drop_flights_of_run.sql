DELETE FROM flights WHERE run = :run
