"""A store for each test, whole at its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands import bootstrap
from tests.acceptance.kit import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh store that this process' engine uses, with two worker processes. When the test is over, the store is
    looked through: whatever happened, nothing in it may contradict itself."""
    made = Place(tmp_path)
    made.use()
    yield made
    bootstrap.current.close()
    assert made.findings() == []
