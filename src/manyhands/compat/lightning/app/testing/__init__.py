"""The names of `lightning.app.testing` that tests of programs use."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.lightning.app.testing.helpers import EmptyFlow, EmptyWork
from manyhands.compat.lightning.app.testing.testing import LightningTestApp, SingleWorkFlow, run_work_isolated

__all__ = ["EmptyFlow", "EmptyWork", "LightningTestApp", "SingleWorkFlow", "run_work_isolated"]


def __getattr__(name: str) -> Any:
    missing("lightning.app.testing", name)
