"""Kills the driver of a workflow at its n-th write to the store, for every n, and resumes: one line of JSON for each.

`crash_clock.py FOLDER EXECUTOR WHEN [FIRST]`. EXECUTOR: `inline` or `process`. WHEN: `before` or `after` the write.
With FIRST the run itself is killed at its FIRST-th write, and it is the resume that is killed at its n-th.

Each run and each resume is a process of its own, forked from this one before it has done anything; that spares the
start of a hundred interpreters.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from manyhands.model.states import TaskStatus
from manyhands.stores.sqlite import SqliteStore
from tests.acceptance.kit import note, tally

WRITES = ("commit", "post", "open_session", "reopen_tasks", "forget_lease", "enroll", "retire")
"""Every write that a driver makes by itself, but for the heartbeat, which comes by the clock."""

RUN_ID = "clocked"
EXPECTED = 1 + (1 + 1) + (1 + 10) * (1 + 100) + 1000


def build(ledger: str, inplace: bool) -> workflow.Workflow:
    """source → (left | right → (a | b) → inner) → join → tail → last, where `right`, `join` and `tail` return steps."""

    def named(name: str, body: Callable[..., Any]) -> workflow.StepFunction:
        def noted(*values: Any) -> Any:
            note(ledger, name)
            return body(*values)

        return workflow.step(name=name, allow_inplace=inplace)(noted)

    last = named("last", lambda value: value + 1000)
    tail = named("tail", last.step)
    join = named("join", lambda left, right: tail.step(1 + left + right))
    a = named("a", lambda value: value + 10)
    b = named("b", lambda value: value + 100)
    inner = named("inner", lambda left, right: left * right)
    right = named("right", lambda value: inner.step(a.step(value), b.step(value)))
    left = named("left", lambda value: value + 1)
    source = named("source", lambda: 1).step()
    return join.step(left.step(source), right.step(source))


def set_clock(at: int, when: str) -> None:
    """Have this process killed at its `at`-th write."""
    numbers = itertools.count(1)  # threads write too, and each write must have its own number

    def clocked(write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            due = next(numbers) == at
            if due and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return write(*args, **kwargs)
            finally:  # one that was refused counts too
                if due:
                    os.kill(os.getpid(), signal.SIGKILL)

        return wrapped

    for name in WRITES:
        setattr(SqliteStore, name, clocked(getattr(SqliteStore, name)))


def in_child(work: Callable[[], None]) -> int:
    """Do it in a process of its own; returns how that ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            bootstrap.current.close()
            code = 0
        except BaseException:  # noqa: BLE001 - told by the exit code, whatever it is
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def use(folder: Path) -> None:
    workflow.init(storage=f"sqlite:///{folder}/store.db", processes=2)


def start(folder: Path, inplace: bool) -> None:
    (folder / "result").write_text(str(build(f"{folder}/ledger", inplace).run(RUN_ID)))


def done(folder: Path) -> list[str]:
    """The steps whose bodies are done for good."""
    store = client().engine.store
    record = store.run(RUN_ID)
    tasks = [] if record is None else store.tasks(record.key)
    return [task.name for task in tasks if task.status is TaskStatus.SUCCEEDED or task.forward_to is not None]


def go_on(folder: Path, inplace: bool) -> None:
    use(folder)
    for name in done(folder):
        note(folder / "done", name)
    if client().engine.store.run(RUN_ID) is None:
        start(folder, inplace)
    else:
        (folder / "result").write_text(str(workflow.resume(RUN_ID).result(60)))


def killed_at(at: int, when: str, work: Callable[[], None]) -> bool:
    """Do it with the clock set; False when it came to its end before."""

    def clocked() -> None:
        set_clock(at, when)
        work()

    code = in_child(clocked)
    if code not in (0, -signal.SIGKILL):
        sys.exit(f"the driver ended with {code}")
    return code != 0


def report(folder: Path, at: int, kills: int, resumes: int, inplace: bool) -> None:
    """Resume for the last time, and say what came of it."""

    def finish() -> None:
        go_on(folder, inplace)
        findings = client().engine.store.check()
        times = {name: [done_before, 0] for name, done_before in tally(folder / "done").items()}
        for name, count in tally(folder / "ledger").items():
            times.setdefault(name, [0, 0])[1] = count
        status = workflow.get_status(RUN_ID).value
        result = int((folder / "result").read_text())
        line: dict[str, Any] = {
            "at": at,
            "kills": kills,
            "resumes": resumes,
            "result": result,
            "status": status,
            "times": times,
        }
        line["findings"] = findings
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()

    code = in_child(finish)
    if code != 0:
        sys.exit(f"the resume ended with {code}")


def main(folder: Path, executor: str, when: str, first: int | None) -> None:
    inplace = executor == "inline"
    at = 0
    killed = True
    while killed:
        at += 1
        here = folder / f"{executor}-{when}-{first}-{at}"
        here.mkdir()

        def begin(here: Path = here) -> None:
            use(here)
            start(here, inplace)

        def resume(here: Path = here) -> None:
            go_on(here, inplace)

        if first is None:
            killed = killed_at(at, when, begin)
        else:
            assert killed_at(first, when, begin)
            killed = killed_at(at, when, resume)
        report(here, at, int(killed) + (first is not None), 1 + (first is not None), inplace)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(Path(arguments[0]), arguments[1], arguments[2], int(arguments[3]) if len(arguments) > 3 else None)
