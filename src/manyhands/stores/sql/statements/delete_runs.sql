DELETE FROM runs WHERE key IN (SELECT value FROM json_each(:keys))
