"""The name of a work."""

from __future__ import annotations

from manyhands.app.work import Work
from manyhands.compat.lightning.app.core.ignored import Ignoring

__all__ = ["LightningWork"]


class LightningWork(Ignoring, Work):
    """A `Work`."""
