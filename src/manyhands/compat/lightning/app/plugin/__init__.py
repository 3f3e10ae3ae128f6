"""The names of `lightning.app.plugin`."""

from __future__ import annotations

from manyhands.compat.absent import Absent

__all__ = ["LightningPlugin"]


class LightningPlugin(Absent):
    """Code that a cloud service ran on a running app; there is none here."""

    NAME = "lightning.app.LightningPlugin"
    INSTEAD = "A flow's `configure_api` and `configure_commands` take orders from outside."
