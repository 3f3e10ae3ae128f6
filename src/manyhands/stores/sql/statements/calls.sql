SELECT ordinal, code, inputs_codec, inputs_data, inputs_blob, inputs_size, function_key
FROM calls WHERE run = :run AND ordinal > :after ORDER BY ordinal LIMIT :limit
