"""The store's contract on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_suite import StoreSuite


class TestFile(StoreSuite):
    @pytest.fixture(params=["NORMAL", "FULL"])
    def store(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteStore]:
        store = SqliteStore(f"sqlite:///{tmp_path}/folder/store.db", synchronous=request.param)
        store.open()
        yield store
        store.close()


class TestMemory(StoreSuite):
    @pytest.fixture
    def store(self) -> Iterator[SqliteStore]:
        store = SqliteStore("sqlite://:memory:")
        store.open()
        yield store
        store.close()
