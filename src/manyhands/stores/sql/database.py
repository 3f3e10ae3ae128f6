"""What the SQL store needs of a database connection, so that a dialect brings no more than this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from manyhands.stores.sql.statements import Statements

Row = tuple[Any, ...]
NO_PARAMETERS: Any = ()


class Cursor(Protocol):
    """The part of a DB-API cursor that is used; `execute` takes a mapping, or values by place."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Any, /) -> Cursor: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Database(Protocol):
    """One store's connections: one that writes, shared by the threads of this process, and some that read."""

    url: str
    statements: Statements

    def begin(self) -> Cursor:
        """Open the one writing transaction; waits for its turn among the threads and processes that write."""
        ...

    def commit(self) -> None:
        """Make the transaction durable and end it; on an error it is still open."""
        ...

    def rollback(self) -> None:
        """End the transaction without a trace; also after an error that has ended it already."""
        ...

    def rows(self, sql: str, parameters: Any) -> list[Row]:
        """Read without waiting for a writer."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """While it lasts, this thread's `rows` all see the store as it was at one moment."""
        ...

    def failure(self, error: Exception) -> Exception:
        """The error of ours that stands for one of the database."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        ...

    def version(self) -> int:
        """A number that differs whenever anybody has written since it was last asked for."""
        ...

    def schema_version(self) -> int: ...

    def sizes(self) -> int:
        """Bytes that the database takes on disk."""
        ...

    def integrity(self) -> Sequence[str]:
        """What the database itself finds wrong with its files; empty when all is well."""
        ...


@contextmanager
def transaction(database: Database) -> Iterator[Cursor]:
    """One transaction: all of what is done in it is durable at its end, or none."""
    cursor = database.begin()
    try:
        yield cursor
        database.commit()
    except database.errors as error:
        database.rollback()
        raise database.failure(error) from error
    except BaseException:
        database.rollback()
        raise


class OverDatabase:
    """Base of the readers' and writers' parts of a SQL store."""

    _database: Database

    def _rows(self, name: str, parameters: Any = NO_PARAMETERS) -> list[Row]:
        return self._database.rows(self._database.statements[name], parameters)

    def _row(self, name: str, parameters: Any = NO_PARAMETERS) -> Row | None:
        found = self._rows(name, parameters)
        return found[0] if found else None

    def _value(self, name: str, parameters: Any = NO_PARAMETERS) -> Any:
        found = self._row(name, parameters)
        return None if found is None else found[0]
