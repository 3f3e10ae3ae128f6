INSERT INTO states (run, version, ordinal, code, at, codec, data, blob, size)
VALUES (:run, :version, :task, :code, :at, :codec, :data, :blob, :size)
