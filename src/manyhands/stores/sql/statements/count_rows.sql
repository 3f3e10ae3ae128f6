SELECT (SELECT COUNT(*) FROM tasks), (SELECT COUNT(*) FROM tries WHERE number > 0),
       (SELECT COUNT(*) FROM events WHERE run > 0), (SELECT COUNT(*) FROM cache)
