DELETE FROM $table WHERE run IN (SELECT value FROM json_each(:keys))
