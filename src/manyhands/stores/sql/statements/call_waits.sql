SELECT 1 FROM messages WHERE run = :run AND task IS NULL AND kind = 'call'
