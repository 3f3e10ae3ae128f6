"""A path that knows which work made what lies there."""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from manyhands.app.errors import FileInTheWay, FileMissing, StorageUse
from manyhands.app.storage.shared import SCHEME, artifacts_folder, remove, replace, storage_folder
from manyhands.model.errors import CallError

_Base = type(pathlib.Path())


class Path(_Base):  # type: ignore[valid-type, misc]
    """A `pathlib.Path` that remembers the work that it comes from (`origin`) and the last one that has it (`consumer`).

    `lit://name` stands for a place in the app's own storage (see `storage_folder`). Give it to a work as an attribute
    or an argument: the first work that has it is its origin. When a call of the origin has succeeded, what lies there
    is copied to the shared folder; when another work that has the path runs a call and nothing lies there, it is
    copied back. A path that is made of another one comes from where that one does. Errors: `CallError` (a `TypeError`)
    for a path made of those of several works.
    """

    _origin: str | None
    _consumer: str | None
    _metadata: dict[str, Any]
    _inside: bool

    def __new__(cls, *parts: str | os.PathLike[str], **options: Any) -> Path:
        made: Path = super().__new__(cls, *_resolved(parts), **options)
        made._remember(*_owners(parts))
        return made

    if sys.version_info >= (3, 12):

        def __init__(self, *parts: str | os.PathLike[str]) -> None:
            super().__init__(*_resolved(parts))

        def with_segments(self, *parts: str | os.PathLike[str]) -> Path:
            """A path of these parts that comes from where this one does."""
            return self._like(type(self)(*parts))

    def _remember(self, origin: str | None, consumer: str | None) -> None:
        self._origin = origin
        self._consumer = consumer
        self._metadata = {}
        self._inside = False

    @property
    def origin_name(self) -> str:
        """The name of the work that it comes from, "" while there is none."""
        return self._origin or ""

    @property
    def consumer_name(self) -> str:
        """The name of the last work that was given it, "" while there is none."""
        return self._consumer or ""

    @property
    def hash(self) -> str | None:
        """Stands for the path and its origin; None while no work has it."""
        if self._origin is None:
            return None
        return hashlib.sha256(f"{self._origin}\0{self}".encode()).hexdigest()

    # --- what lies there --------------------------------------------------------------------------------------------

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether something lies here, or has been left in the shared folder by the origin."""
        return self.exists_local() or (self._origin is not None and self.exists_remote())

    def exists_local(self) -> bool:
        """Whether something lies here."""
        return os.path.exists(self)

    def exists_remote(self) -> bool:
        """Whether the origin has left it in the shared folder. Errors: `StorageUse` while no work has the path."""
        if self._origin is None:
            raise StorageUse(
                f"Nobody can say whether {self} exists elsewhere, for no work has it. "
                "Make it an attribute of a work, or pass it to its `run()`."
            )
        return self._left.exists()

    def get(self, overwrite: bool = False) -> None:
        """Copy to here what the origin has left in the shared folder; for works, in `run`.

        Errors: `StorageUse` in a flow, and for a path that no work has; `FileInTheWay` (a `FileExistsError`) when
        something lies here, unless `overwrite`; `FileMissing` (a `FileNotFoundError`) when the origin has left nothing.
        """
        if self._origin is None or not self._inside:
            raise StorageUse(
                f"{self} cannot be fetched here: only a work can, of a path that another work has made. "
                "Pass it to the `run()` of a work, and fetch it there."
            )
        if self.exists_local() and not overwrite:
            raise FileInTheWay(str(self))
        left = self._left
        if not left.exists():
            raise FileMissing(f"{self} is not in the shared folder: {self._origin} has not left it there yet.")
        here = pathlib.Path(self)
        if overwrite and os.path.lexists(here):
            remove(here)
        replace(left, here)

    @property
    def _left(self) -> pathlib.Path:
        """Where the origin leaves it."""
        return pathlib.Path(artifacts_folder(), self._origin or "", os.path.abspath(self).lstrip(os.sep))

    # --- whose it is ------------------------------------------------------------------------------------------------

    def _attach(self, work: str, inside: bool = False) -> None:
        """`work` has it now; `inside`: this is the work's own process."""
        if self._origin is None:
            self._origin = work
        self._consumer = work
        self._inside = inside

    def _fetch(self) -> None:
        """Have what another work left, if there is nothing here."""
        if self._origin not in (None, self._consumer) and not self.exists_local() and self.exists_remote():
            self.get()

    def _like(self, other: Any) -> Path:
        """`other`, which was made of this path, as coming from where this one does."""
        made: Path = other if type(other) is type(self) else type(self)(other)
        made._origin, made._consumer = self._origin, self._consumer
        made._metadata = dict(self._metadata)
        made._inside = self._inside
        return made

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "path": str(self),
            "origin_name": self.origin_name,
            "consumer_name": self.consumer_name,
            "metadata": self._metadata,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Path:
        """What `to_dict` was made of."""
        path = cls(content["path"])
        path._origin = content["origin_name"] or None
        path._consumer = content["consumer_name"] or None
        path._metadata = dict(content["metadata"])
        return path

    def __json__(self) -> dict[str, Any]:
        return self.to_dict()

    def __fingerprint__(self) -> list[str]:
        return [str(self), self.origin_name]

    def __reduce__(self) -> Any:
        return type(self).from_dict, (self.to_dict(),)

    # --- paths made of this one -------------------------------------------------------------------------------------

    def __truediv__(self, other: Any) -> Any:
        made = super().__truediv__(other)
        return made if made is NotImplemented else self._like(made)

    def __rtruediv__(self, other: Any) -> Any:
        made = super().__rtruediv__(other)
        return made if made is NotImplemented else self._like(made)

    @property
    def parent(self) -> Path:
        """The folder that it lies in."""
        return self._like(super().parent)

    @property
    def parents(self) -> list[Path]:
        """The folders around it, the innermost first."""
        return [self._like(parent) for parent in super().parents]

    def with_name(self, name: str) -> Path:
        """The same with another last part."""
        return self._like(super().with_name(name))

    def with_stem(self, stem: str) -> Path:
        """The same with another last part, but for its suffix."""
        return self._like(super().with_stem(stem))

    def with_suffix(self, suffix: str) -> Path:
        """The same with another suffix."""
        return self._like(super().with_suffix(suffix))

    def relative_to(self, *other: Any, **options: Any) -> Path:
        """The same, seen from another folder."""
        return self._like(super().relative_to(*other, **options))

    def absolute(self) -> Path:
        """The same from the root of the file system."""
        return self._like(super().absolute())


def _owners(parts: tuple[Any, ...]) -> tuple[str | None, str | None]:
    """The origin and the consumer of a path of these parts. Errors: `CallError`."""
    owned = [part for part in parts if isinstance(part, Path) and part._origin is not None]
    if len({part._origin for part in owned}) > 1:
        raise CallError(
            "Tried to instantiate a Lightning Path from multiple other Paths that come from several works: "
            f"{', '.join(sorted(part.origin_name for part in owned))}. Make one of them a plain text by `str(path)`."
        )
    return (owned[0]._origin, owned[0]._consumer) if owned else (None, None)


def _resolved(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    if parts and isinstance(parts[0], str) and parts[0].startswith(SCHEME):
        folder = storage_folder()
        folder.mkdir(parents=True, exist_ok=True)  # so that a work can open a file there as it is
        return (folder, parts[0].removeprefix(SCHEME), *parts[1:])
    return parts


def is_address(value: Any) -> bool:
    """Whether it is a text that stands for a `Path`."""
    return isinstance(value, str) and value.startswith(SCHEME)


def save_artifacts(work: str, paths: Iterable[Path]) -> None:
    """Copy what lies at those of `paths` that come from `work` to the shared folder; warns of what is missing."""
    missing = []
    for path in paths:
        if path.origin_name != work:
            continue
        if path.exists_local():
            replace(pathlib.Path(path), path._left)
        else:
            missing.append(str(path))
    if missing:
        warnings.warn(
            f"{len(missing)} artifacts could not be saved because they don't exist: {', '.join(missing)}.",
            UserWarning,
            stacklevel=2,
        )
