"""The folders that all works of an app can reach, and copying into and out of them."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEME = "lit://"
"""Begins the address of what is shared."""


def storage_folder() -> Path:
    """Where paths like `lit://name` lie: `STORAGE_ROOT_DIR`, else `.storage` in the working directory."""
    return Path(os.environ.get("STORAGE_ROOT_DIR") or "./.storage").absolute()


def shared_folder() -> Path:
    """What works leave for each other: `SHARED_MOUNT_DIRECTORY`, else `.shared` in the working directory."""
    return Path(os.environ.get("SHARED_MOUNT_DIRECTORY") or "./.shared").absolute()


def artifacts_folder() -> Path:
    """The files that works leave, a folder for each work."""
    return shared_folder() / "artifacts"


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Where to write what takes the place of `target` at the end, all at once; nothing of it is left after an error.

    Makes the folder. Errors: `OSError`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is one rename; with a name of its own, for others may write here, too.
    unfinished = target.parent / f".{target.name}.{uuid.uuid4().hex}"
    try:
        yield unfinished
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Copy a file or folder; who looks at `target` sees all of the old or all of the new file.

    A folder is merged into one that is there, file by file. Errors: `OSError`.
    """
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for inner in source.iterdir():
            replace(inner, target / inner.name)
        return
    with beside(target) as unfinished:
        shutil.copy2(source, unfinished)


def remove(target: Path) -> None:
    """Delete a file or folder. Errors: `OSError`."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink()
