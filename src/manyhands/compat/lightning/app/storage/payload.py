"""The name of `lightning.app.storage.payload`."""

from manyhands.app.storage.payload import Payload

__all__ = ["Payload"]
