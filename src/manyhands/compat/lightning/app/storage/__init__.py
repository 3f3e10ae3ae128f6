"""The names of `lightning.app.storage`."""

from __future__ import annotations

from manyhands.compat.absent import Absent
from manyhands.compat.lightning.app.storage.drive import Drive
from manyhands.compat.lightning.app.storage.mount import Mount
from manyhands.compat.lightning.app.storage.path import Path
from manyhands.compat.lightning.app.storage.payload import Payload

__all__ = ["Drive", "FileSystem", "Mount", "Path", "Payload", "StorageOrchestrator"]


class FileSystem(Absent):
    """One file system over the disks of many machines; all works share that of this one."""

    NAME = "lightning.app.storage.FileSystem"
    INSTEAD = "Works run on one machine: use plain files, or a `Drive`."


class StorageOrchestrator(Absent):
    """What moved files between machines."""

    NAME = "lightning.app.storage.StorageOrchestrator"
    INSTEAD = "Files of a `Path` are copied without it."
