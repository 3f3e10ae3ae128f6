"""Files, folders and objects that works hand to each other."""

from manyhands.app.storage.drive import Drive
from manyhands.app.storage.path import Path
from manyhands.app.storage.payload import Payload

__all__ = ["Drive", "Path", "Payload"]
