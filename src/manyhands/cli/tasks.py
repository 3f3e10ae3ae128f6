"""`manyhands tasks`: the steps of a run."""

from __future__ import annotations

import sys
from shlex import quote
from typing import Annotated

import typer
from rich.text import Text

from manyhands.cli import names, paint
from manyhands.cli.door import Door, Exit, Run, chosen_by_status, command, door_while_completing
from manyhands.cli.driving import driving
from manyhands.engine import phrases
from manyhands.engine.views import AttemptView, Log, TaskView
from manyhands.model.errors import ManyhandsError
from manyhands.model.states import TASK_TERMINAL, TaskStatus

app = typer.Typer(no_args_is_help=True, help="List the steps of a run, show one, read what it wrote.")


def complete_task(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of steps of the run that has been typed before."""
    run = ctx.params.get("run")
    if not run:
        return []
    try:
        views = door_while_completing(ctx).inspect.tasks(run, limit=1_000)
    except ManyhandsError:
        return []
    return [view.name for view in views if view.name.startswith(incomplete)]


Task = Annotated[
    str, typer.Argument(metavar="STEP", help="Name of the step, or its end behind a dot.", autocompletion=complete_task)
]


@command(app, "list")
def list_tasks(
    door: Door,
    run: Run,
    status: Annotated[list[TaskStatus], chosen_by_status(TaskStatus, "steps")] = [],  # noqa: B006 - Typer makes a list of its own for each call
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0: all.")] = 100,
    after: Annotated[int, typer.Option(help="Only steps after the one with this `ordinal`.")] = -1,
) -> None:
    """List the steps of a run, in the order they were added."""
    views = door.inspect.tasks(run, statuses=status, limit=limit or None, after=after)
    if door.as_json:
        door.emit(views)
        return
    if not views:
        door.note("No such step.")
        return
    door.out.print(paint.tasks(views, door.inspect.now()))
    if limit and len(views) == limit:
        door.note(f"There may be more: --after {views[-1].ordinal}")


@command(app, "show")
def show(door: Door, run: Run, task: Task) -> None:
    """Show a step: its state, its attempts with their errors, its options, and what it hangs together with."""
    task = names.step(door.inspect, run, task)
    view = door.inspect.task(run, task)
    attempts = door.inspect.attempts(run, task)
    if door.as_json:
        door.emit({"task": view, "attempts": attempts})
        return
    now = door.inspect.now()
    door.out.print(_fields(view, now))
    for attempt in attempts:
        door.out.print()
        _print_attempt(door, attempt, now)
    if any(attempt.logged for attempt in attempts):
        door.note(f"What it wrote: manyhands tasks logs {quote(run)} {quote(task)}")


def _fields(view: TaskView, now: float) -> object:
    return paint.fields(
        [
            ("Step", Text(paint.one_line(view.name), style="bold")),
            ("Status", paint.status(view.status, view.reason)),
            ("Because", paint.cause(view, now)),
            ("Started", paint.when(view.started_at, now)),
            ("Ended", paint.when(view.ended_at, now)),
            ("Took", paint.seconds(view.duration)),
            ("Due", paint.when(view.due_at, now) if view.status not in TASK_TERMINAL else ""),
            ("Worker", view.worker),
            ("Called by", view.parent or ""),
            ("Led to", view.forward_to or ""),
            ("Inputs from", phrases.some(view.upstreams, 10) if view.upstreams else ""),
            ("Options", paint.mapping(view.options)),
            ("Metadata", paint.mapping(view.metadata)),
        ]
    )


def _print_attempt(door: Door, attempt: AttemptView, now: float) -> None:
    title = Text(f"Attempt {attempt.number}  ", style="bold").append_text(paint.status(attempt.status))
    title.append(f"  {paint.when(attempt.started_at, now)}, {phrases.span(attempt.duration)}, {attempt.worker}")
    door.out.print(title)
    text = attempt.traceback.rstrip() or attempt.error
    if text:
        door.out.print(text, markup=False, soft_wrap=True)


@command(app, "logs")
def logs(
    door: Door,
    run: Run,
    task: Task,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only this attempt; else all of them.")] = None,
) -> Exit | None:
    """Write what a step wrote to its standard output and standard error."""
    task = names.step(door.inspect, run, task)
    found = door.inspect.log(run, task, attempt)
    if door.as_json:
        door.emit(found)
        return None
    if not found:
        door.note(f"Step '{task}' has no ended attempt yet; its output can be read when there is one.")
    for log in found:
        _print_log(door, log, several=len(found) > 1)
    return None


def _print_log(door: Door, log: Log, *, several: bool) -> None:
    if several:
        door.note(f"--- attempt {log.attempt}")
    if log.note:
        door.note(f"Attempt {log.attempt} of step '{log.task}': {log.note}.")
    if log.skipped:
        door.note(f"--- {log.skipped:,} bytes before this are left out")
    sys.stdout.write(log.text)
    sys.stdout.flush()


@command(app, "retry")
def retry(door: Door, run: Run, task: Task) -> None:
    """Have an app that runs make a failed call of a work once more."""
    task = names.step(door.inspect, run, task)
    with driving(door) as client:
        client.retry(run, task)
    door.note(f"{run} makes the call {task} again.")
