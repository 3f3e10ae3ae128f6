"""The name of `lightning.app.storage.drive`."""

from manyhands.app.storage.drive import Drive

__all__ = ["Drive"]
