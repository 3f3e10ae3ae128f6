"""DBOS on a SQLite file, without admin server, telemetry or chatter."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig


def _commit_without_sync(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


@contextlib.contextmanager
def launched(folder: Path, *, wal_normal: bool = False) -> Iterator[None]:
    """DBOS as it comes (rollback journal, FULL), or with the journal and sync mode that ours has by default.

    Workflows and steps must be declared before this is entered.
    """
    path = folder / "dbos.sqlite"
    if wal_normal:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        sa.event.listen(sa.pool.Pool, "connect", _commit_without_sync)
    config: DBOSConfig = {
        "name": "bench-peer",
        "system_database_url": f"sqlite:///{path}",
        "log_level": "ERROR",
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()
