SELECT EXISTS (SELECT 1 FROM cache WHERE expires_at <= :now)
