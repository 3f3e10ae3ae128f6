"""The names of `lightning.app.core`."""

from manyhands.compat.lightning.app.core.app import LightningApp
from manyhands.compat.lightning.app.core.flow import LightningFlow
from manyhands.compat.lightning.app.core.work import LightningWork

__all__ = ["LightningApp", "LightningFlow", "LightningWork"]
