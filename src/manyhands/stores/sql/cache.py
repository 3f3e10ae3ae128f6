"""Results by the fingerprint of function and inputs."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.model.records import CacheEntry
from manyhands.model.values import Encoded
from manyhands.stores.sql.database import OverDatabase, transaction
from manyhands.stores.sql.rows import to_json
from manyhands.stores.sql.writing import Writing


class SqlCache(OverDatabase):
    """Cached results, and who is computing one now."""

    _writing: Writing

    def cached(self, key: bytes, now: float) -> CacheEntry | None:
        row = self._row("cached", {"key": key, "now": now})
        if row is None:
            return None
        codec, data, blob, size, run_id, name, at, expires_at = row
        return CacheEntry(Encoded(codec, data, blob, size), run_id, name, at, expires_at)

    def claim(self, key: bytes, run_key: int, ordinal: int, engine: str, now: float, dead: Sequence[str]) -> bool:
        sql = self._database.statements
        with transaction(self._database) as cursor:
            held = cursor.execute(sql["flight"], {"key": key, "now": now, "dead": to_json(list(dead))}).fetchone()
            if held is not None:
                run, task, alive = held
                if (run, task) != (run_key, ordinal) and alive:
                    return False
            where = {"key": key, "run": run_key, "task": ordinal}
            cursor.execute(sql["put_flight"], {**where, "engine": engine, "now": now})
        self._writing.flights[run_key, ordinal] = key
        return True
