"""Copies of an app's state in files, one for each turn that has changed it, to be loaded into another life of it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from manyhands.app.endings import NoCheckpoint
from manyhands.app.flow import Flow
from manyhands.app.plain import from_plain, to_plain
from manyhands.app.rooted import Rooted
from manyhands.app.status import WorkStageStatus
from manyhands.app.storage.shared import beside, shared_folder
from manyhands.app.work import Work

FOLDER = "checkpoints"
UNFINISHED = frozenset({WorkStageStatus.PENDING, WorkStageStatus.RUNNING})
_NAME = re.compile(r"v_(\d+)_[0-9.]+\.json")


class _Written(NamedTuple):
    """The file that was written last. `changed_at`: when its folder was, as the file system says, in nanoseconds."""

    folder: Path
    changed_at: int
    version: int


class Checkpointed(Rooted):
    """An app's state as one dict, and in files. `checkpointing`: write a file after each turn that changes something
    while no work has anything to do."""

    checkpointing = False
    _written: _Written | None = None

    @property
    def checkpoint_dir(self) -> str:
        """The folder of the files."""
        return str(shared_folder() / FOLDER)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state of every component, by name."""
        states = {flow.name: flow.state_dict() for flow in self.flows}
        return {**states, **{name: work.state for name, work in self.named_works}}

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Take up what `state_dict` gave; flows that make children in `run` make them in their `load_state_dict`.

        Errors: `ComponentMissing` (a `ValueError`) for a state without a component, if `strict`.
        """
        root: Flow = self.root
        prefix = f"{root.name}."
        below = {name.removeprefix(prefix): part for name, part in state.items() if name != root.name}
        root.load_state_dict(state[root.name], below, strict=strict)

    def dump_checkpoint(self) -> str | None:
        """Write a file, and return its path; None while a work has something to do."""
        if any(_is_busy(work) for work in self.works):
            return None
        folder = Path(self.checkpoint_dir)
        version = self._next_version(folder)
        path = folder / f"v_{version}_{time.time():.6f}.json"
        with beside(path) as unfinished:
            unfinished.write_text(json.dumps(to_plain(self.state_dict())), encoding="utf-8")
        self._written = _Written(folder, folder.stat().st_mtime_ns, version)
        return str(path)

    def _next_version(self, folder: Path) -> int:
        """The folder is not looked through when nobody else has written to it: it may hold a file for every turn."""
        if not folder.is_dir():
            return 0
        written = self._written
        if written is not None and (written.folder, written.changed_at) == (folder, folder.stat().st_mtime_ns):
            return written.version + 1
        return max((version for version, _ in _files(folder)), default=-1) + 1

    def load_state_dict_from_checkpoint_dir(self, checkpoints_dir: str, version: int | None = None) -> None:
        """Take up the newest file of a folder, or that of a version.

        Errors: `NoCheckpoint` (a `FileNotFoundError`) when there is none.
        """
        folder = Path(checkpoints_dir)
        if not folder.is_dir():
            raise NoCheckpoint(checkpoints_dir, "the folder does not exist")
        files = dict(_files(folder))
        if not files:
            raise NoCheckpoint(checkpoints_dir, "it holds none")
        if version is not None and version not in files:
            raise NoCheckpoint(checkpoints_dir, f"it has the versions {', '.join(map(str, sorted(files)))}")
        path = files[max(files) if version is None else version]
        self.load_state_dict(from_plain(json.loads(path.read_text(encoding="utf-8"))))


def _is_busy(work: Work) -> bool:
    """Whether any call of the work waits or runs; one that waits behind another is not yet the latest."""
    histories = [entry.get("statuses") for entry in work.state["calls"].values() if isinstance(entry, dict)]
    return any(statuses and statuses[-1]["stage"] in UNFINISHED for statuses in histories)


def _files(folder: Path) -> list[tuple[int, Path]]:
    found = []
    for path in folder.iterdir():
        matched = _NAME.fullmatch(path.name)
        if matched is not None:
            found.append((int(matched[1]), path))
    return found
