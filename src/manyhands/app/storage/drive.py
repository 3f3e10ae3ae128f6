"""A shared folder that every work can put files into and get files from, by name."""

from __future__ import annotations

import copy
import os
import time
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from manyhands.app.errors import FileInTheWay, FileLate, FileMissing, StorageUse, StorageValue
from manyhands.app.storage.shared import SCHEME, artifacts_folder, remove, replace

LOOK_SECONDS = 0.02
"""How often `get` looks for a file that has not come yet."""


Names: TypeAlias = list[str]
"""In the class, `list` is a method."""


class Drive:
    """Files that works share, by the drive's name: each work has a part of its own to write, and reads those of all.

    `id`: `lit://name`; drives of the same name are the same drive. `allow_duplicates`: whether several works may put a
    file of one name. `component_name`: whose part is written; known by itself once the drive is an attribute or
    argument of a work. `root_folder`: what the paths of files are relative to, by default the working directory.

    Flows have and pass drives, but only works use them. Errors: `StorageValue` for an address that is none;
    `StorageUse` where it cannot be used; those of files, which are also the customary ones of Python.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - its customary name
        allow_duplicates: bool = False,
        component_name: str | None = None,
        root_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if not str(id).startswith(SCHEME):
            raise StorageValue(
                f"Unknown protocol for the drive 'id' argument {id!r}. It begins with {SCHEME}, as in 'lit://models'."
            )
        name = id.removeprefix(SCHEME)
        if not name:
            raise StorageValue("The drive's 'id' has no name. Write one, as in 'lit://models'.")
        if "/" in name or name in (".", ".."):
            raise StorageValue(f"The `id` should be unique to identify your drive. Found {name!r}: use one plain word.")
        if root_folder is not None and not Path(root_folder).is_dir():
            raise StorageValue(f"The provided root_folder isn't a directory: {root_folder}. Create it first.")
        self.id = name
        self.protocol = SCHEME
        self.allow_duplicates = allow_duplicates
        self.component_name = component_name
        self.root_folder = str(Path(root_folder or ".").absolute())
        self._flow = False

    @property
    def root(self) -> Path:
        """The drive's folder; in it, one for each work that has put something."""
        return artifacts_folder() / "drive" / self.id

    @property
    def drive_root(self) -> Path:
        """The same, under its other name."""
        return self.root

    def put(self, path: str) -> None:
        """Copy a file or folder into this work's part. Errors: `FileInTheWay`, `FileMissing`."""
        owner = self._owner("put")
        relative = _relative(path)
        source = Path(self.root_folder) / relative
        if not source.exists():
            raise FileMissing(f"{source} does not exist, so it cannot be put into {self}.")
        if not self.allow_duplicates:
            for component in self._components():
                if component != owner and (self.root / component / relative).is_file():
                    raise FileInTheWay(f"{relative} of {component} in {self}")
        replace(source, self.root / owner / relative)

    def list(self, path: str = ".", component_name: str | None = None) -> Names:
        """The files and folders below `path`, of all works or of one, sorted, relative to the drive's parts."""
        self._check_user("list")
        relative = _relative(path)
        found: set[str] = set()
        for component in self._components() if component_name is None else [component_name]:
            base = self.root / component
            folder = base / relative
            if folder.is_dir():
                found.update(inner.relative_to(base).as_posix() for inner in folder.iterdir() if _finished(inner))
            elif folder.exists():
                found.add(relative.as_posix())
        return sorted(found)

    def get(
        self,
        path: str,
        component_name: str | None = None,
        timeout: float | None = None,
        overwrite: bool = False,
    ) -> None:
        """Copy a file or folder from the drive to the same path below `root_folder`; a file replaces the one there.

        `component_name`: whose; needed when several works have put one of this name. `timeout`: seconds to wait for it.
        Errors: `FileMissing`; `FileLate` (a `TimeoutError`) after `timeout`; `StorageUse` when several works have it;
        `FileInTheWay` when a folder is in the way, unless `overwrite`.
        """
        self._check_user("get")
        relative = _relative(path)
        target = Path(self.root_folder) / relative
        source = self._find(relative, component_name, timeout)
        if os.path.lexists(target) and (target.is_dir() or source.is_dir()):
            if not overwrite:
                raise FileInTheWay(str(target))
            remove(target)
        replace(source, target)

    def _find(self, relative: PurePosixPath, component_name: str | None, timeout: float | None) -> Path:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            components = self._components() if component_name is None else [component_name]
            found = [component for component in components if (self.root / component / relative).exists()]
            if len(found) == 1:
                return self.root / found[0] / relative
            if found:
                raise StorageUse(
                    f"We found several matching files created by multiples components: {found}. "
                    "Please provide the `component_name`."
                )
            if deadline is None:
                raise FileMissing(
                    f"{relative} is not in {self}. Wait for it by `timeout=`, or look what `list()` gives."
                )
            if time.monotonic() >= deadline:
                raise FileLate(f"{relative} has not come into {self} within {timeout} seconds.")
            time.sleep(LOOK_SECONDS)

    def delete(self, path: str) -> None:
        """Delete what this work has put. Errors: `StorageUse` for what another has put; `FileMissing`."""
        owner = self._owner("delete")
        relative = _relative(path)
        target = self.root / owner / relative
        if target.exists():
            remove(target)
            return
        others = [component for component in self._components() if (self.root / component / relative).exists()]
        if others:
            raise StorageUse(f"{relative} in {self} belongs to {', '.join(others)}, so {owner} cannot delete it.")
        raise FileMissing(f"{relative} is not in {self}, so it cannot be deleted.")

    def _components(self) -> Names:
        return sorted(folder.name for folder in self.root.iterdir()) if self.root.is_dir() else []

    def _check_user(self, verb: str) -> None:
        if self._flow:
            raise StorageUse(f"The flow isn't allowed to {verb} files of {self}. Pass the drive to a work for that.")

    def _owner(self, verb: str) -> str:
        self._check_user(verb)
        if not self.component_name:
            raise StorageUse(
                f"The component name needs to be known to {verb} a path of {self}. "
                "Make the drive an attribute of a work."
            )
        return self.component_name

    def _given_to(self, component: str, flow: bool) -> Drive:
        """The same drive in other hands."""
        if self.component_name == component and self._flow == flow:
            return self
        drive = copy.copy(self)
        drive.component_name = component
        drive._flow = flow
        return drive

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "type": "__drive__",
            "id": self.protocol + self.id,
            "allow_duplicates": self.allow_duplicates,
            "component_name": self.component_name,
            "root_folder": self.root_folder,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Drive:
        """What `to_dict` was made of."""
        drive = cls(content["id"], content["allow_duplicates"], content["component_name"])
        drive.root_folder = content["root_folder"]
        return drive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drive) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.id)

    def __fingerprint__(self) -> dict[str, Any]:
        return {"id": self.id, "root_folder": self.root_folder}

    def __str__(self) -> str:
        return f"{self.protocol}{self.id}"

    def __repr__(self) -> str:
        return f"Drive({str(self)!r}, component_name={self.component_name!r})"


def _relative(path: str | os.PathLike[str]) -> PurePosixPath:
    """The path within a drive. Errors: `StorageValue` for one that leads out of it."""
    relative = PurePosixPath(Path(path).as_posix())
    if relative.is_absolute() or ".." in relative.parts:
        raise StorageValue(f"{path} leads out of the drive. Give a path relative to the drive's root_folder.")
    return relative


def _finished(path: Path) -> bool:
    """False for what is being copied just now (see `replace`)."""
    return not (path.name.startswith(".") and len(path.suffix) == 33)
