"""Components that do nothing."""

from __future__ import annotations

from manyhands.compat.lightning.app.core.flow import LightningFlow
from manyhands.compat.lightning.app.core.work import LightningWork

__all__ = ["EmptyFlow", "EmptyWork"]


class EmptyFlow(LightningFlow):
    """A flow that does nothing."""

    def run(self) -> None:
        """Nothing."""


class EmptyWork(LightningWork):
    """A work that does nothing."""

    def run(self) -> None:
        """Nothing."""
