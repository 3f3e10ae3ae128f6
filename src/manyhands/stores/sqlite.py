"""The store on SQLite: one file, or memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from manyhands.model.errors import OptionError, StoreUnavailable
from manyhands.stores.blobs import FolderBlobs, KeptBlobs, MemoryBlobs, why_not_written
from manyhands.stores.location import parse_location, short_folder
from manyhands.stores.sql.cache import SqlCache
from manyhands.stores.sql.engines import SqlEngines
from manyhands.stores.sql.keeping import SqlKeeping
from manyhands.stores.sql.migrations import Migration
from manyhands.stores.sql.reading import SqlReading
from manyhands.stores.sql.writing import Writing
from manyhands.stores.sqlite_database import SqliteDatabase

Synchronous = Literal["NORMAL", "FULL"]
SYNCHRONOUS = ("NORMAL", "FULL")


class SqliteStore(SqlEngines, SqlReading, SqlCache, SqlKeeping):
    """A store in an SQLite file, or in memory for `sqlite://:memory:`.

    `synchronous`: with `NORMAL`, what was committed survives the death of every process, and a power cut may cost the
    last commits; with `FULL` it survives a power cut too. `blobs`: where large values go, when not beside the file.
    Threads may share it. A process that was forked opens a store of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: Synchronous = "NORMAL",
        blobs: KeptBlobs | None = None,
        migrations: Sequence[Migration] | None = None,
    ) -> None:
        if synchronous not in SYNCHRONOUS:
            raise OptionError(f"synchronous is NORMAL or FULL, not {synchronous!r}.")
        location = parse_location(url)
        self.url = location.url
        self._in_memory = location.path is None
        self._database: SqliteDatabase = SqliteDatabase(location, synchronous, migrations)
        self._writing = Writing(self._database.statements)
        self._engine = None
        if location.path is None:
            self._blobs = blobs or MemoryBlobs()
            self.log_folder = os.path.join(short_folder(), f"logs-{os.getpid()}-{id(self):x}")
        else:
            self._blobs = blobs or FolderBlobs(location.beside("blobs"), sync=synchronous == "FULL")
            self.log_folder = location.beside("logs")

    @property
    def blobs(self) -> KeptBlobs:
        return self._blobs

    def open(self, *, migrate: bool = True) -> None:
        self._database.open(migrate=migrate)
        try:
            os.makedirs(self.log_folder, exist_ok=True)
        except OSError as error:
            self._database.close()
            raise StoreUnavailable(self.url, why_not_written(error)) from error

    def close(self) -> None:
        self._database.close()
        if self._in_memory:
            remove_folder(self.log_folder)

    def migrate(self) -> tuple[int, int]:
        return self._database.migrate()


def remove_folder(folder: str) -> None:
    """Remove the log files of a store that is gone."""
    try:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        pass
