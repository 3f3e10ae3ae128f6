DELETE FROM cache WHERE expires_at <= :now
