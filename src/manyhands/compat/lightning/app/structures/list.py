"""The name of `lightning.app.structures.list`."""

from manyhands.app.structures import List

__all__ = ["List"]
