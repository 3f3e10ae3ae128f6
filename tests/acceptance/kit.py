"""What acceptance tests share: flags and ledgers that cross processes, scripts in processes of their own, a store."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from manyhands.model.records import AttemptRecord, EventRecord, RunRecord, TaskRecord
from manyhands.ports.store import Store

PATIENCE = 30.0
"""Seconds after which a test gives up on something that should come at once."""

TICK = 0.01

STANDSTILL = 1.0
"""Seconds between two looks that count at most: for longer it was the machine that stood still."""

LONG_GRACE = {"MANYHANDS_GRACE_SECONDS": "1000"}
"""For processes that are to end because they are asked to, and not because their grace is over."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something that another process does."""
    left, before = seconds, time.monotonic()
    while not condition():
        if left <= 0:
            raise TimeoutError(f"{what} has not come in {seconds:g} s")
        time.sleep(TICK)
        now = time.monotonic()
        left -= min(now - before, STANDSTILL)
        before = now


def wait_for_file(path: str | Path, seconds: float = PATIENCE) -> None:
    """Wait for a flag that another process sets by making a file."""
    wait_until(lambda: os.path.exists(path), f"the file {path}", seconds)


def note(path: str | Path, word: str) -> None:
    """One line more in a ledger; safe from many processes, and there though the writer is killed right after.

    The ledger comes with its first line in it, so that whoever waits for the file does not find it empty.
    """
    line = f"{word}\n".encode()
    if not os.path.exists(path) and _begin(path, line):
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _begin(path: str | Path, line: bytes) -> bool:
    """Make the file whole at once; False when another was quicker."""
    draft = Path(f"{path}.{uuid.uuid4().hex}")
    draft.write_bytes(line)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def noted(path: str | Path) -> list[str]:
    """The lines of a ledger."""
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def tally(path: str | Path) -> Counter[str]:
    return Counter(noted(path))


def count_up(path: str | Path) -> int:
    """Note one more try, and say the how manieth it is."""
    note(path, "try")
    return len(noted(path))


def is_alive(pid: int) -> bool:
    """Whether anything of a process still runs: its first thread may be a zombie while others hold files yet."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def wait_gone(pids: Sequence[int], seconds: float = PATIENCE) -> None:
    """Wait until none of these processes runs any more."""
    wait_until(lambda: not any(map(is_alive, pids)), f"the end of the processes {pids}", seconds)


def family(pid: int) -> list[int]:
    """The processes that this one has started, and these in turn."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def freeze(pid: int, place: "Place") -> None:
    """Stop a process as if its machine stood still, at a moment when it holds no lock of the store: whoever holds one
    is waited for by every other writer, and that is not what is to be tested."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, f"the stop of {pid}")
        if place.is_free():
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(TICK)


def move_clock(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have this process' engine believe that so much time has passed, and see what is due."""
    engine = client().engine
    now = engine.clock.now
    patch.setattr(engine.clock, "now", lambda: now() + seconds)
    engine.driver.bell.ring()


class Place:
    """A store of one test, and what the tests want to know of it."""

    def __init__(self, folder: Path, name: str = "store.db") -> None:
        self.folder = folder
        self.path = folder / name
        self.url = f"sqlite:///{self.path}"

    @property
    def store(self) -> Store:
        """The store as this process' engine has it."""
        return client().engine.store

    def use(self, **settings: object) -> None:
        """Have this process' engine made anew, on this store."""
        bootstrap.current.close()
        workflow.init(storage=self.url, **{"processes": 2, **settings})

    def run(self, run_id: str) -> RunRecord:
        record = self.store.run(run_id)
        assert record is not None, f"there is no run {run_id}"
        return record

    def tasks(self, run_id: str) -> list[TaskRecord]:
        return self.store.tasks(self.run(run_id).key)

    def names(self, run_id: str) -> list[str]:
        return [task.name for task in self.tasks(run_id)]

    def task(self, run_id: str, name: str) -> TaskRecord:
        found = self.store.task(self.run(run_id).key, name)
        assert found is not None, f"run {run_id} has no step {name}, only {self.names(run_id)}"
        return found

    def attempts(self, run_id: str, name: str) -> list[AttemptRecord]:
        return self.store.attempts(self.run(run_id).key, self.task(run_id, name).ordinal)

    def events(self, run_id: str, name: str | None = None) -> list[EventRecord]:
        ordinal = None if name is None else self.task(run_id, name).ordinal
        return self.store.events(key=self.run(run_id).key, ordinal=ordinal)

    def rows(self) -> tuple[object, ...]:
        """What the store holds, to be compared before and after something that must write nothing."""
        counts = self.store.counts()
        return counts.runs, counts.tasks, counts.attempts, counts.events, counts.cached

    def is_free(self) -> bool:
        """Whether nobody is writing to the store just now."""
        connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None)
        try:
            with open(f"{self.path}.queue", "ab") as queue:
                fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
                connection.execute("BEGIN IMMEDIATE")
            return True
        except (BlockingIOError, sqlite3.OperationalError):
            return False
        finally:
            connection.close()

    def findings(self) -> list[str]:
        """What is wrong in the store, seen by a connection of its own."""
        if not self.path.is_file():
            return []
        store = bootstrap.open_store(bootstrap.settings(store=self.url))
        try:
            return store.check()
        finally:
            store.close()


PROGRAMS = Path(__file__).parent / "programs"


def _order(program: str | Path, arguments: Sequence[object]) -> list[str]:
    path = program if isinstance(program, Path) else PROGRAMS / program
    return [sys.executable, str(path), *map(str, arguments)]


def _environment(place: Place, more: dict[str, str]) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "MANYHANDS_STORE": place.url, "PYTHONPATH": root, **more}


def run_program(
    program: str | Path, *arguments: object, place: Place, expect: int | None = 0, seconds: float = 100.0, **more: str
) -> str:
    """Run a program to its end in a process of its own; returns what it wrote. `expect`: its exit code; None: any."""
    done = subprocess.run(
        _order(program, arguments),
        cwd=place.folder,
        env=_environment(place, more),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if expect is not None:
        assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def running(program: str | Path, *arguments: object, place: Place, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A program in a process group of its own, with its output in `place.folder/output.txt`; gone at the end."""
    order, output = _order(program, arguments), place.folder / "output.txt"
    with started(order, place.folder, _environment(place, more), output) as process:
        yield process


@contextmanager
def started(
    order: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path
) -> Iterator[subprocess.Popen[str]]:
    """The same for any command, whose output is added to a file."""
    with open(output, "ab") as file:
        process = subprocess.Popen(
            order,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for pid in [*family(process.pid), process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
