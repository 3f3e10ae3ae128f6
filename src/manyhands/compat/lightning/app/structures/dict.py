"""The name of `lightning.app.structures.dict`."""

from manyhands.app.structures import Dict

__all__ = ["Dict"]
