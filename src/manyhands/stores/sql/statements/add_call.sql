INSERT INTO calls (run, ordinal, base, label, kind, code, inputs_codec, inputs_data, inputs_size,
                   upstreams, options, metadata)
VALUES (:run, :ordinal, :base, :label, :kind, :code, :inputs_codec, :inputs_data, :inputs_size,
        :upstreams, :options, :metadata)
