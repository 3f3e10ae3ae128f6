"""Many processes write one store at once, and some of them die of it."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from manyhands.model.states import RunStatus
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import value
from tests.acceptance.kit import wait_until
from tests.chaos.writer import STEPS

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 16


@contextmanager
def writing(
    url: str, name: str, stop: Path, *aloud: str, stdin: int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.chaos.writer", url, name, str(stop), *aloud]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=stdin, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened(url: str) -> Iterator[SqliteStore]:
    store = SqliteStore(url)
    store.open()
    yield store
    store.close()


def read(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("enough", [2000, pytest.param(15000, marks=pytest.mark.slow)])
def test_sixteen_writers_lose_nothing_and_none_of_them_starves(tmp_path: Path, enough: int) -> None:
    """They begin together and stop together, so that whatever holds up the machine holds up all of them alike."""
    url, stop = f"sqlite:///{tmp_path}/store.db", tmp_path / "stop"
    wrote: dict[str, int] = {}
    start, starter = os.pipe()
    with ExitStack() as stack:
        # They all open the store at the same time, too, and it does not exist before.
        names = [f"writer{n}" for n in range(WRITERS)]
        writers = {name: stack.enter_context(writing(url, name, stop, stdin=start)) for name in names}
        os.close(start)
        for process in writers.values():
            assert read(process) == ["ready"], process.communicate()[1]
        os.close(starter)
        with opened(url) as store:
            wait_until(lambda: sum(store.counts().runs.values()) >= enough, f"run number {enough}", 100.0)
        stop.touch()
        for name, process in writers.items():
            output, errors = process.communicate(timeout=100)
            assert errors == "", "nobody is told that the store is locked"
            assert process.returncode == 0
            word, runs, _ = output.split()
            assert word == "wrote"
            wrote[name] = int(runs)
    with opened(url) as store:
        assert {r.status for r in store.runs()} == {RunStatus.SUCCEEDED}
        for name, runs in wrote.items():
            assert [r.run_id for r in store.runs(prefix=f"{name}-")] == [f"{name}-{n}" for n in range(runs)]
        some = random.Random(1).sample(store.runs(), 20)
        assert all(store.result(r.key, STEPS - 1) == value(r.run_id.encode()) for r in some)
        assert store.check() == []
    fair = sum(wrote.values()) / WRITERS
    assert min(wrote.values()) > fair / 10


def test_a_writer_killed_in_the_middle_leaves_whole_commits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    chance = random.Random(7)
    said: list[tuple[str, int]] = []
    for turn in range(12):
        with writing(url, f"writer{turn}", tmp_path / "never", "aloud") as process:
            assert read(process) == ["ready"]
            go(process)
            for _ in range(chance.randrange(1, 120)):
                run_id, step = read(process)
                said.append((run_id, int(step)))
            process.send_signal(signal.SIGKILL)
            process.wait()
            rest, _ = process.communicate()
            said += [(run_id, int(step)) for run_id, step in (line.split() for line in whole_lines(rest))]
        with opened(url) as store:
            assert store.check() == []
            dead = [f"writer{turn}"]
            for run_id in store.mark_resumable(dead, 100.0):
                assert store.open_session(run_id, "writer0", 100.0, dead=dead, statuses=[RunStatus.RESUMABLE])
            assert store.check() == []
    with opened(url) as store:
        keys = {r.run_id: r.key for r in store.runs()}
        assert all(store.result(keys[run_id], step) == value(run_id.encode()) for run_id, step in said)


def whole_lines(text: str) -> list[str]:
    """The last line may be cut by the kill."""
    return text.split("\n")[:-1]
