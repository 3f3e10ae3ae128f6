SELECT code FROM calls WHERE code <> ''
UNION SELECT inputs_blob FROM calls WHERE inputs_blob IS NOT NULL
UNION SELECT blob FROM attempts WHERE blob IS NOT NULL
UNION SELECT blob FROM cache WHERE blob IS NOT NULL
UNION SELECT blob FROM messages WHERE blob IS NOT NULL
UNION SELECT blob FROM states WHERE blob IS NOT NULL
UNION SELECT code FROM states WHERE code <> ''
