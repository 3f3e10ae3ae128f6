-- A run that is no actor has one state only: the document that its face keeps, as of its first task.
INSERT INTO states (run, version, ordinal, code, at, codec, data, blob, size)
VALUES (:run, 1, 0, '', 0, :codec, :data, :blob, :size)
ON CONFLICT (run, version) DO UPDATE SET codec = :codec, data = :data, blob = :blob, size = :size
