SELECT id, kind, key, at, codec, data, blob, size, task FROM messages WHERE id = :id
