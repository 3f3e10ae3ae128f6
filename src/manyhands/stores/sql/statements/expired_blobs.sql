SELECT DISTINCT blob FROM cache WHERE expires_at <= :now AND blob IS NOT NULL
