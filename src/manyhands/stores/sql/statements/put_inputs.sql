UPDATE calls
SET inputs_codec = :codec, inputs_data = :data, inputs_blob = :blob, inputs_size = :size
WHERE run = :run AND ordinal = :task
