INSERT INTO calls (run, ordinal, base, label, kind, code, inputs_codec, inputs_data, inputs_size,
                   upstreams, options, metadata, inputs_blob, parent, function_key)
VALUES (:run, :ordinal, :base, :label, :kind, :code, :inputs_codec, :inputs_data, :inputs_size,
        :upstreams, :options, :metadata, :inputs_blob, :parent, :function_key)
