"""Time for works to take their leave, however busy the machine is."""

import pytest

from tests.acceptance.app.apps import GRACE


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GRACE.items():
        monkeypatch.setenv(name, value)
