"""Kills the driver of an actor at its n-th write to the store, for every n, and has another process go on: one line of
JSON for each.

`actor_crash_clock.py FOLDER WHEN COMPANY STRIDE [FIRST]`. WHEN: `before` or `after` the write. COMPANY: `alone`, or
`guest` for another process that calls the same actor meanwhile. STRIDE: every how manieth write. With FIRST the driver
is killed at its FIRST-th write, and it is the process that goes on that is killed at its n-th.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from tests.acceptance.kit import note, noted, tally
from tests.acceptance.programs import crash_clock

ACTOR = "clocked"
CALLS = [("add", 1), ("add", 2), ("both", 3), ("ask", 4), ("add", 5)]
"""What is asked for, in this order; `add(2)` is not waited for before `both(3)` is called."""

GUESTS = [100, 101, 102]
"""What the other process adds."""

RESULTS = {1: [1], 2: [1, 2], 3: [1, 2, 3, 30], 4: [], 5: [1, 2, 3, 30, 4, 5]}
"""The numbers whose sum is each call's result, where no guest adds to it; `ask` has its step's own."""


@workflow.step(name="outside")
def outside(number: int, ledger: str) -> int:
    note(ledger, f"outside {number}")
    return number


@workflow.virtual_actor
class Chain:
    """Adds numbers: by itself, in a step of its own after it, and with a step after it that is not its own."""

    def __init__(self, ledger: str) -> None:
        note(ledger, "made")
        self.ledger = ledger
        self.numbers: list[int] = []

    def add(self, number: int) -> int:
        note(self.ledger, str(number))
        self.numbers.append(number)
        return sum(self.numbers)

    def both(self: Any, number: int) -> Any:
        self.add(number)
        return self.add.step(number * 10)

    def ask(self, number: int) -> Any:
        self.add(number)
        return outside.step(number, self.ledger)

    @workflow.virtual_actor.readonly
    def read(self) -> list[int]:
        return self.numbers


def use(folder: Path) -> None:
    workflow.init(storage=f"sqlite:///{folder}/store.db", processes=1)


def make(folder: Path) -> Any:
    return Chain.get_or_create(ACTOR, str(folder / "ledger"))


def call(folder: Path, calls: list[tuple[str, int]]) -> None:
    """Make these calls; what is durable and what came of it is noted."""
    actor = make(folder)
    waiting = []
    for method, number in calls:
        waiting.append((number, getattr(actor, method).run_async(number)))
        note(folder / "durable", str(number))
        if number == 2:
            continue
        for asked, reference in waiting:
            note(folder / "results", f"{asked} {reference.result(60)}")
        waiting.clear()


def applied() -> list[int]:
    found: list[int] = workflow.get_actor(ACTOR).read.run()
    return found


def go_on(folder: Path) -> None:
    """Take the actor up, see to it that what was durable is there, and make the calls that are not."""
    use(folder)
    there: list[int] = []
    if client().engine.store.run(ACTOR) is not None:
        if workflow.get_status(ACTOR) is not workflow.SUCCESSFUL:
            workflow.resume(ACTOR).result(60)
        there = applied()
    for number in noted(folder / "durable"):
        if int(number) not in there:
            note(folder / "lost", number)
    call(folder, [(method, number) for method, number in CALLS if number not in there])


def visit(folder: Path) -> None:
    """The other process: it calls, and takes over when the driver is gone."""
    use(folder)
    actor = workflow.get_actor(ACTOR)
    for number in GUESTS:
        actor.add.run(number)
        note(folder / "visits", str(number))


@contextmanager
def company(folder: Path, wanted: bool) -> Any:
    """The other process, for as long as it has calls to make."""
    if not wanted:
        yield
        return

    def prepare() -> None:
        use(folder)
        make(folder).ready().result(60)

    if crash_clock.in_child(prepare) != 0:
        sys.exit("the actor was not made")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            visit(folder)
            bootstrap.current.close()
            code = 0
        except BaseException:  # noqa: BLE001 - told by the exit code, whatever it is
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    yield
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != 0:
        sys.exit(f"the guest ended with {code}")


def report(folder: Path, at: int, kills: int) -> None:
    """Go on for the last time, and say what came of it."""

    def finish() -> None:
        go_on(folder)
        actor = workflow.get_actor(ACTOR)
        history = actor.history()
        line: dict[str, Any] = {
            "at": at,
            "kills": kills,
            "applied": applied(),
            "history": [actor.at(entry.version).numbers for entry in history],
            "status": workflow.get_status(ACTOR).value,
            "findings": client().engine.store.check(),
            "times": tally(folder / "ledger"),
            "lost": noted(folder / "lost"),
            "visits": noted(folder / "visits"),
            "results": [[int(word) for word in line.split()] for line in noted(folder / "results")],
        }
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()

    code = crash_clock.in_child(finish)
    if code != 0:
        sys.exit(f"the one that goes on ended with {code}")


def main(folder: Path, when: str, guest: bool, stride: int, first: int | None) -> None:
    at = 1 - stride
    killed = True
    while killed:
        at += stride
        here = folder / f"{when}-{guest}-{first}-{at}"
        here.mkdir()

        def begin(here: Path = here) -> None:
            use(here)
            call(here, CALLS)

        def resume(here: Path = here) -> None:
            go_on(here)

        work: Callable[[], None] = begin
        with company(here, guest):
            if first is not None:
                assert crash_clock.killed_at(first, when, begin)
                work = resume
            killed = crash_clock.killed_at(at, when, work)
        report(here, at, int(killed) + (first is not None))


if __name__ == "__main__":
    folder, when, companion, stride, *rest = sys.argv[1:]
    main(Path(folder), when, companion == "guest", int(stride), int(rest[0]) if rest else None)
