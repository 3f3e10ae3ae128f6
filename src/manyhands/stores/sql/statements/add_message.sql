INSERT INTO messages (run, kind, key, at, codec, data, blob, size)
VALUES (:run, :kind, :key, :at, :codec, :data, :blob, :size)
RETURNING id
