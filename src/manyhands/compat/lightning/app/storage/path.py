"""The name of `lightning.app.storage.path`."""

from manyhands.app.storage.path import Path

__all__ = ["Path"]
