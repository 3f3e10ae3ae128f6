UPDATE runs SET entry = :entry WHERE key = :run
