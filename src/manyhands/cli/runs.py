"""`manyhands runs`: what has been started, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Annotated, Any

import typer

from manyhands.cli import names, paint, values
from manyhands.cli.door import Door, Exit, Run, Runs, chosen_by_status, command
from manyhands.cli.driving import driving, outcome
from manyhands.cli.tasks import Task
from manyhands.model.errors import ManyhandsError
from manyhands.model.states import RunStatus

app = typer.Typer(no_args_is_help=True, help="List, show, cancel, resume, delete and fork runs; signals and actors.")

LOOK_BEYOND = 50
"""Steps: of a very large run so many times as are shown are read, to choose from."""


@command(app, "list")
def list_runs(
    door: Door,
    status: Annotated[list[RunStatus], chosen_by_status(RunStatus, "runs")] = [],  # noqa: B006 - Typer makes a list of its own for each call
    kind: Annotated[str | None, typer.Option(help="Only runs of this kind, such as `workflow` or `actor`.")] = None,
    prefix: Annotated[str, typer.Option(help="Only runs whose id begins so.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0: all.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only runs made before the one with this `key`.")] = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Also plain calls of functions, and large values that were put.")
    ] = False,
) -> None:
    """List runs, newest first."""
    beside = every or kind is not None or bool(prefix)
    views = door.inspect.runs(
        statuses=status, kind=kind, prefix=prefix, limit=limit or None, before=before, counts=True, beside=beside
    )
    if door.as_json:
        door.emit(views)
        return
    if not views:
        door.note(
            f"No such run in {door.inspect.url}." if status or kind or prefix else f"No run in {door.inspect.url}."
        )
        return
    door.out.print(paint.runs(views, door.inspect.now()))
    if limit and len(views) == limit:
        door.note(f"There may be more: --before {views[-1].key}")


@command(app, "show")
def show(
    door: Door,
    run: Run,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="About so many steps; 0: all.")] = 60,
) -> None:
    """Show a run and the tree of its steps: status, duration and cause of each."""
    view = door.inspect.run(run)
    if door.as_json:
        door.emit({"run": view, "tasks": door.inspect.tasks(run, limit=limit or None)})
        return
    now = door.inspect.now()
    door.out.print(paint.run(view, now))
    most = limit * LOOK_BEYOND or None
    table, left_out = paint.tree(door.inspect.tree(run, most=most), view.counts or {}, now, limit)
    door.out.print()
    door.out.print(table)
    if left_out > 0:
        door.note(f"{left_out:,} steps are not shown; `--limit 0` shows all.")


@command(app, "cancel")
def cancel(door: Door, runs: Runs) -> Exit | None:
    """Stop runs: what is running in them is stopped, and nothing new starts."""
    with driving(door) as client:
        return _each(door, runs, "canceled", client.cancel)


@command(app, "delete")
def delete(door: Door, runs: Runs) -> Exit | None:
    """Delete runs with all that was saved of them. Cached results stay."""
    with driving(door) as client:
        return _each(door, runs, "deleted", client.delete)


def _each(door: Door, runs: list[str], done: str, act: Callable[[str], Any]) -> Exit | None:
    """Do it to each; the first error decides the exit code, but keeps none of the others from their turn."""
    worst: Exit | None = None
    told = []
    for run in runs:
        try:
            act(run)
        except ManyhandsError as error:
            code = door.complain(error)
            worst = worst or code
            told.append({"run": run, "done": False, "error": str(error)})
        else:
            told.append({"run": run, "done": True, "error": None})
            if not door.as_json:
                door.out.print(f"Run '{run}' is {done}.", markup=False)
    if door.as_json:
        door.emit(told)
    return worst


@command(app, "resume")
def resume(
    door: Door,
    run: Run,
    progress: Annotated[bool, typer.Option(help="Show progress on standard error.")] = True,
) -> Exit | None:
    """Take a run up where it stopped, and wait for its result. What is done is not done again."""
    with driving(door) as client:
        return outcome(door, client.resume(run), progress=progress)


@command(app, "fork")
def fork(
    door: Door,
    run: Run,
    from_step: Annotated[str, typer.Option("--from", metavar="STEP", help="The step to begin again with.")],
    given: Annotated[
        list[str],
        typer.Option("--input", "-i", metavar="NAME=JSON", help="Another value for an input of that step."),
    ] = [],  # noqa: B006
    new_id: Annotated[str | None, typer.Option("--id", help="Id of the new run; else one is made up.")] = None,
    progress: Annotated[bool, typer.Option(help="Show progress on standard error.")] = True,
) -> Exit | None:
    """Copy a run and do it again from a step on, perhaps with other inputs. What comes before is not done again."""
    inputs = values.keywords(given)
    from_step = names.step(door.inspect, run, from_step)
    with driving(door) as client:
        reference = client.fork(run, from_step=from_step, inputs=inputs or None, new_id=new_id)
        return outcome(door, reference, progress=progress)


@command(app, "send")
def send(
    door: Door,
    run: Run,
    key: Annotated[str, typer.Argument(metavar="KEY", help="What the step that waits for it calls it.")],
    payload: Annotated[str, typer.Argument(metavar="[JSON]", help="What the step is to be given.")] = "null",
) -> None:
    """Send a signal to a run. The step that has waited longest for this key gets it; else it is kept for the next."""
    value = values.parse(payload, key)
    with driving(door) as client:
        client.send(run, key, value)
    if door.as_json:
        door.emit({"run": run, "key": key, "payload": value})
        return
    door.out.print(f"Signal '{key}' was sent to run '{run}'.", markup=False)
    if door.inspect.status(run) is RunStatus.RESUMABLE:
        door.note(f"Nobody drives the run now; `manyhands runs resume {quote(run)}` goes on with it.")


@command(app, "states")
def states(
    door: Door,
    run: Run,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="The last so many; 0: all.")] = 20,
) -> None:
    """Show what an actor was after each of its calls, newest last."""
    views = door.inspect.states(run, limit=limit or None)
    if door.as_json:
        door.emit(views)
        return
    if not views:
        door.note(f"Actor '{run}' has no state yet: its constructor is not done.")
        return
    door.out.print(paint.states(views))
    if views[0].version > 1:
        door.note(f"There are {views[0].version - 1:,} older ones; `--limit 0` shows all.")


@command(app, "skip")
def skip(
    door: Door,
    run: Run,
    task: Task,
    progress: Annotated[bool, typer.Option(help="Show progress on standard error.")] = True,
) -> Exit | None:
    """Pass over a failed call of an actor, with all that it returned, and go on with the calls after it. The actor
    stays as it was before that call."""
    task = names.step(door.inspect, run, task)
    with driving(door) as client:
        return outcome(door, client.skip(run, task), progress=progress)
