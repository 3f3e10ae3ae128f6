"""The names of `lightning.app.structures`."""

from manyhands.app.structures import Dict, List

__all__ = ["Dict", "List"]
