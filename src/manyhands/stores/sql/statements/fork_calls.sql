INSERT INTO calls (run, ordinal, base, label, kind, code, inputs_codec, inputs_data, inputs_blob, inputs_size,
                   upstreams, parent, options, metadata, function_key)
SELECT :new, ordinal, base, label, kind, code, inputs_codec, inputs_data, inputs_blob, inputs_size,
       upstreams, parent, options, metadata, function_key
FROM calls WHERE run = :old ORDER BY ordinal
