"""Who is alive."""

from __future__ import annotations

import msgspec

from manyhands.model.records import EngineRecord
from manyhands.stores.sql.database import OverDatabase, transaction
from manyhands.stores.sql.journal import SqlJournal


class SqlEngines(SqlJournal, OverDatabase):
    """Engines and their heartbeats; an engine that ends gives its runs back to the journal."""

    def enroll(self, engine: EngineRecord) -> None:
        with transaction(self._database) as cursor:
            cursor.execute(self._database.statements["enroll"], msgspec.structs.asdict(engine))
        self._engine = engine.id

    def heartbeat(self, engine: str, expires_at: float) -> bool:
        with transaction(self._database) as cursor:
            cursor.execute(self._database.statements["heartbeat"], {"engine": engine, "expires_at": expires_at})
            return cursor.rowcount == 1

    def retire(self, engine: str, now: float) -> None:
        sql = self._database.statements
        with transaction(self._database) as cursor:
            for (key,) in cursor.execute(sql["runs_of_engine"], {"engine": engine}).fetchall():
                self._release(cursor, key, now, "Its driver ended.")
            cursor.execute(sql["stop_engine"], {"engine": engine, "now": now})

    def engines(self) -> list[EngineRecord]:
        return [EngineRecord(*row) for row in self._rows("engines")]
