"""Commands that act: they make an engine, wait for a run, and say how it came out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from manyhands import bootstrap
from manyhands.cli import paint
from manyhands.cli.door import Door, Exit
from manyhands.engine import phrases
from manyhands.engine.client import Client
from manyhands.engine.handle import Reference
from manyhands.model.errors import ExecutionError, RunCanceled
from manyhands.model.states import RunStatus
from manyhands.workflow.watching import watched

MOST_SHOWN = 2_000


def find_modules_here() -> None:
    """Make modules of the working directory importable, as they were for the script that made the run; behind all
    others, so that they stand in for none."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


@contextmanager
def driving(door: Door) -> Iterator[Client]:
    """An engine's verbs for the time of one command."""
    find_modules_here()
    client = bootstrap.client(bootstrap.settings(store=door.store, echo_output=door.echo))
    try:
        yield client
    finally:
        client.engine.close()


def outcome(door: Door, reference: Reference, *, progress: bool) -> Exit | None:
    """Wait for a run and tell how it came out; the exit code says the same."""
    run = reference.run_id
    try:
        if progress:
            with watched(reference) as on_turn:
                value = reference.result(on_turn=on_turn)
        else:
            value = reference.result()
    except (ExecutionError, RunCanceled) as error:
        return failed(door, run, error)
    succeeded(door, run, value)
    return None


def succeeded(door: Door, run: str, value: Any) -> None:
    if door.as_json:
        door.emit({"run": run, "status": RunStatus.SUCCEEDED, "result": _plain(value), "error": None})
        return
    door.err.print(paint.status(RunStatus.SUCCEEDED), run, markup=False)
    if value is not None:
        text = value if isinstance(value, str) else repr(value)
        if len(text) > MOST_SHOWN:
            text = f"{text[:MOST_SHOWN]}… ({len(text):,} characters; `manyhands.workflow.get_output({run!r})` has all)"
        door.out.print(text, markup=False, soft_wrap=True)


def failed(door: Door, run: str, error: ExecutionError | RunCanceled) -> Exit:
    status = RunStatus.CANCELED if isinstance(error, RunCanceled) else RunStatus.FAILED
    if door.as_json:
        door.emit({"run": run, "status": status, "result": None, "error": str(error)})
    else:
        door.err.print(paint.status(status), run, markup=False)
    door.err.print(str(error), markup=False, style="red")
    cause = error.__cause__
    if cause is not None:
        told = f"{type(cause).__name__}: {phrases.first_line(str(cause))}"
        if told not in str(error):
            door.err.print(told, markup=False, style="red")
    door.note(f"More: manyhands why {run}")
    return Exit.FAILED


def _plain(value: Any) -> Any:
    """The value as JSON has it; its `repr` where JSON has no such thing."""
    try:
        return msgspec.to_builtins(value, str_keys=True)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
