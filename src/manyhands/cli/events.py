"""`manyhands events`: what changed, when and why."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from manyhands.cli import names, paint
from manyhands.cli.door import Door, complete_run
from manyhands.engine.views import EventView
from manyhands.model.errors import UsageError


def events(
    door: Door,
    run: Annotated[
        str | None, typer.Option("--run", "-r", help="Only events of this run.", autocompletion=complete_run)
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="Only events of this step of the run.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens next, until the run is over or Ctrl-C.")
    ] = False,
    after: Annotated[
        int | None, typer.Option(help="Events whose `id` is above this, instead of the last ones.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="So many of the last events; 0: all.")] = 50,
) -> None:
    """Show events: each change of state of a run or step. With --json, one document per line."""
    if task is not None and run is None:
        raise UsageError("`--task` names a step of a run: name the run too, with `--run RUN`.")
    inspect = door.inspect
    if run is not None and task is not None:
        task = names.step(inspect, run, task)
    if after is not None or not limit:
        found = inspect.events(run, task, after=after or 0, limit=limit or None)
    else:
        found = inspect.last_events(limit, run, task)
    last = found[-1].id if found else after or 0 if not limit or after is not None else inspect.last_event(run)
    _write(door, found)
    if follow:
        for batch in inspect.follow(run, after=last):
            _write(door, [event for event in batch if task is None or event.task == task])


def _write(door: Door, found: Iterable[EventView]) -> None:
    for event in found:
        if door.as_json:
            door.emit_line(event)
        else:
            door.out.print(paint.event(event), soft_wrap=True)
    sys.stdout.flush()
