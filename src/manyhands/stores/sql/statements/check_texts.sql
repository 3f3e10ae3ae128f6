SELECT 'the metadata of run ''' || run_id || ''' is no JSON' FROM runs WHERE NOT json_valid(metadata)
UNION ALL
SELECT 'the ' || CASE WHEN NOT json_valid(metadata) THEN 'metadata' WHEN NOT json_valid(options) THEN 'options'
                      ELSE 'upstreams' END
       || ' of step number ' || ordinal || ' of run number ' || run || ' is no JSON'
FROM calls WHERE NOT (json_valid(metadata) AND json_valid(options) AND json_valid(upstreams))
