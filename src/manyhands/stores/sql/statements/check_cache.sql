SELECT 'the cached value of step ''' || name || ''' of run ''' || run_id || ''' is of ' || size || ' bytes, but there are '
       || LENGTH(data)
FROM cache WHERE blob IS NULL AND size NOT IN (0, LENGTH(data))
