"""Connections to an SQLite file: who may write when, and what its errors mean."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from manyhands.model.errors import IllegalMove, OptionError, StoreCorrupt, StoreTooNew, StoreTooOld, StoreUnavailable
from manyhands.stores.location import Location
from manyhands.stores.sql.database import Cursor, Row
from manyhands.stores.sql.migrations import Migration, all_migrations, latest
from manyhands.stores.sql.statements import Statements

T = TypeVar("T")

APPLICATION = 0x4D484E44
"""Written into the file's header, so that it is known for ours."""

PATIENCE = 60.0
"""Seconds that a writer at the head of the queue waits for one that does not queue (another program)."""

PAGE_BYTES = 2048
WAL_PAGES = {"NORMAL": 4000, "FULL": 500}
"""Pages of the log between checkpoints, measured on a busy machine, so roughly. Pages of 2 KiB make small commits a
twentieth quicker than those of 4 KiB, and values of 60 KB a seventh slower. With `NORMAL` a long log is best, as the
same pages come again and again and are written back once; with `FULL` a short one, as a file that does not grow is
sooner on the disk. `mmap_size` and a larger cache made nothing quicker."""

LITTLE_ROOM = 320 * 1024
"""Bytes; with less than this left, a failure to write is one for want of room."""

CACHE_KIB = 32 * 1024
STATEMENTS = 256

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
PRIMARY = 0xFF
"""SQLite's extended codes have the plain one in their low byte."""

WHY = {
    sqlite3.SQLITE_FULL: "the disk is full. Make room and try again; nothing of this was written.",
    sqlite3.SQLITE_READONLY: "it is read-only. Make the file and its folder writable, or name another store.",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Make its folder writable, or name another store.",
    sqlite3.SQLITE_PERM: "it cannot be opened. Make the file and its folder writable, or name another store.",
    sqlite3.SQLITE_NOTADB: "it is not a database. Name another file, or move this one away.",
    sqlite3.SQLITE_IOERR: "reading or writing failed ({0}). Check the disk and its free space and try again; nothing "
    "of this was written.",
}


def code_of(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & PRIMARY


def patiently(action: Callable[[], T]) -> T:
    """Do it again while the database is held by somebody who does not queue.

    SQLite's lock cannot be waited on, only asked for. Whoever is here is the one at the head of the queue, and what it
    waits for takes a tenth of a millisecond as a rule, so it asks often at first.
    """
    pause = 0.00005
    give_up = 0.0
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if code_of(error) not in BUSY:
                raise
            now = time.monotonic()
            give_up = give_up or now + PATIENCE
            if now > give_up:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 0.005)


class Reader:
    """One thread's connection for reading; it closes when the thread is gone."""

    __slots__ = ("__weakref__", "connection")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class SqliteDatabase:
    """One store's connections in one process.

    Writers queue up at the lock of a side file, and only the one at the head asks SQLite for its lock, which it holds
    when it leaves the queue. So nobody overtakes, nobody starves, and SQLite is not asked in vain. The threads of this
    process share one writing connection; each has a reading one of its own.
    """

    errors = (sqlite3.Error, UnicodeEncodeError, OverflowError)

    def __init__(self, location: Location, synchronous: str, migrations: Sequence[Migration] | None = None) -> None:
        self.url = location.url
        self.statements = Statements("sqlite")
        self._path = location.path
        self._synchronous = synchronous
        self._migrations = migrations
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._queue = -1
        self._pid = 0
        self._local = threading.local()
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._watch: Reader | None = None
        self._watching = threading.Lock()

    # --- opening and closing -----------------------------------------------------------------------------------

    def open(self, *, migrate: bool) -> None:
        with self._lock:
            if self._connection is not None:
                return
            try:
                if self._path is not None:
                    self._make_room(self._path)
                self._connect()
                if self.schema_version() != self._latest():
                    self._create_or_refuse(migrate)
            except (sqlite3.Error, OSError) as error:
                self._close_all()
                if isinstance(error, StoreUnavailable):
                    raise
                raise self.failure(error) from error
            except BaseException:
                self._close_all()
                raise

    def _make_room(self, path: str) -> None:
        if os.path.isdir(path):
            inside = os.path.join(path, "store.db")
            raise StoreUnavailable(self.url, f"it is a folder. Name a file in it, such as sqlite:///{inside}.")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._queue = os.open(f"{path}.queue", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        self._pid = os.getpid()
        self._connection = connection
        self._cursor = connection.cursor()
        if self._path is None:
            return
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        if patiently(lambda: self._pragma("journal_mode")) != "wal":
            self._in_queue(self._use_wal)
        for pragma in (
            f"synchronous = {self._synchronous}",
            f"wal_autocheckpoint = {WAL_PAGES[self._synchronous]}",
            f"journal_size_limit = {2 * PAGE_BYTES * WAL_PAGES[self._synchronous]}",
            f"cache_size = -{CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            patiently(partial(self._pragma, pragma))

    def _use_wal(self) -> None:
        if self._pragma("page_count") == 0:
            # There is nothing yet that a journal could bring back, and one on the disk costs three waits for it.
            self._pragma("journal_mode = MEMORY")
        self._pragma("journal_mode = WAL")

    def _pragma(self, text: str) -> Any:
        row = self._open().execute(f"PRAGMA {text}").fetchone()
        return None if row is None else row[0]

    def _in_queue(self, action: Callable[[], T]) -> T:
        """Do something, at the head of the queue of writers."""
        if self._queue < 0:
            return action()
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            return patiently(action)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def _latest(self) -> int:
        return latest(self._migrations)

    def _create_or_refuse(self, migrate: bool) -> None:
        theirs = self.schema_version()
        if theirs > self._latest():
            raise StoreTooNew(self.url, theirs, self._latest())
        if theirs and not migrate:
            raise StoreTooOld(self.url, theirs, self._latest())
        self.migrate()

    def migrate(self) -> tuple[int, int]:
        """Bring the schema up to date, all steps in one transaction."""
        cursor = self.begin()
        try:
            before = self.schema_version()
            if before == 0:
                self._refuse_foreign(cursor)
                cursor.execute(f"PRAGMA application_id = {APPLICATION}")
            for step in all_migrations() if self._migrations is None else self._migrations:
                if step.number > before:
                    for statement in single_statements(step.sql):
                        cursor.execute(statement)
                    cursor.execute(f"PRAGMA user_version = {step.number}")
            self.commit()
        except sqlite3.Error as error:
            self.rollback()
            raise self.failure(error) from error
        except BaseException:
            self.rollback()
            raise
        return before, self.schema_version()

    def _refuse_foreign(self, cursor: Cursor) -> None:
        if cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None:
            raise StoreUnavailable(self.url, "it holds the tables of another program. Name another file.")

    def close(self) -> None:
        """Give everything back; the journal file is folded into the database if nobody else uses it."""
        with self._lock:
            connection = self._connection
            if connection is None:
                return
            if self._pid == os.getpid() and not connection.in_transaction and self._path is not None:
                try:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.Error:
                    pass
            self._close_all()

    def _close_all(self) -> None:
        if self._connection is not None and self._pid != os.getpid():
            return
        for reader in list(self._readers):
            reader.connection.close()
        self._local = threading.local()
        self._watch = None
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1

    def _open(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is None:
            raise StoreUnavailable(self.url, "it is closed. Open it first.")
        if self._pid != os.getpid():
            raise StoreUnavailable(self.url, "it was opened before this process was forked. Open it again in here.")
        return connection

    # --- writing -----------------------------------------------------------------------------------------------

    def begin(self) -> Cursor:
        self._lock.acquire()
        try:
            connection = self._open()
            if connection.in_transaction:  # an interrupt came between its begin and its end
                connection.rollback()
            cursor = self._cursor
            queue = self._queue
            if queue >= 0:
                fcntl.flock(queue, fcntl.LOCK_EX)
            try:
                cursor.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]
            except sqlite3.OperationalError as error:
                if code_of(error) not in BUSY:
                    raise
                patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
            finally:
                if queue >= 0:
                    fcntl.flock(queue, fcntl.LOCK_UN)
        except sqlite3.Error as error:
            self._lock.release()
            raise self.failure(error) from error
        except BaseException:
            self._lock.release()
            raise
        return cursor  # type: ignore[return-value]

    def commit(self) -> None:
        self._cursor.execute("COMMIT")  # type: ignore[union-attr]
        self._lock.release()

    def rollback(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass
        finally:
            self._lock.release()

    # --- reading -----------------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Any) -> list[Row]:
        try:
            if self._path is None:
                with self._lock:
                    return self._open().execute(sql, parameters).fetchall()
            self._open()
            return self._reader().execute(sql, parameters).fetchall()
        except self.errors as error:
            raise self.failure(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._open()
        if self._path is None:
            with self._lock:
                yield
            return
        connection = self._reader()
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.rollback()

    def _reader(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._new_reader()
        return reader.connection

    def _new_reader(self) -> Reader:
        connection = sqlite3.connect(
            self._path or "",
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        connection.execute("PRAGMA query_only = 1")
        reader = Reader(connection)
        self._readers.add(reader)
        return reader

    def version(self) -> int:
        try:
            if self._path is None:
                with self._lock:
                    return self._open().total_changes
            self._open()
            with self._watching:
                if self._watch is None:
                    self._watch = self._new_reader()
                number: int = self._watch.connection.execute("PRAGMA data_version").fetchone()[0]
                return number
        except sqlite3.Error as error:
            raise self.failure(error) from error

    def schema_version(self) -> int:
        number: int = patiently(lambda: self._pragma("user_version"))
        return number

    def sizes(self) -> int:
        if self._path is None:
            return int(self._pragma("page_count") * self._pragma("page_size"))
        files = (f"{self._path}{end}" for end in ("", "-wal"))
        return sum(os.path.getsize(file) for file in files if os.path.exists(file))

    def integrity(self) -> Sequence[str]:
        found = [row[0] for row in self.rows("PRAGMA integrity_check", ())]
        return [] if found == ["ok"] else found

    def failure(self, error: Exception) -> Exception:
        code = code_of(error)
        if isinstance(error, UnicodeEncodeError | OverflowError):
            return OptionError(f"A text or number cannot be stored: {error}. Use Unicode text and 64-bit numbers.")
        if isinstance(error, sqlite3.IntegrityError):
            return IllegalMove("The commit", "durable", f"{error}.")
        if code == sqlite3.SQLITE_CORRUPT:
            return StoreCorrupt(f"The store {self.url}", str(error))
        if code in BUSY:
            return StoreUnavailable(self.url, f"another program holds it for over {PATIENCE:.0f} s. End that program.")
        if isinstance(error, OSError):
            return StoreUnavailable(self.url, why_of(error))
        if self._path is not None and code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR) and is_full(self._path):
            code = sqlite3.SQLITE_FULL
        return StoreUnavailable(self.url, WHY.get(code, "{0}.").format(error))


def is_full(path: str) -> bool:
    """Whether there is no room where the file is; SQLite does not always know that this is why it failed."""
    try:
        there = os.statvfs(os.path.dirname(path))
    except OSError:
        return False
    return there.f_bavail * there.f_frsize < LITTLE_ROOM


def why_of(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return WHY[sqlite3.SQLITE_FULL]
    if error.errno == errno.EROFS:
        return WHY[sqlite3.SQLITE_READONLY]
    return f"{error.strerror or error} ({error.filename}). Make its folder writable, or name another store."


def single_statements(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit the transaction that they are to be part of."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found
