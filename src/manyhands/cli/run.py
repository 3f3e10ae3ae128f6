"""`manyhands run`: start something that is written down in a file."""

from __future__ import annotations

from typing import Annotated

import typer

from manyhands.cli import target as targets
from manyhands.cli import values
from manyhands.cli.door import Door, Exit, command
from manyhands.cli.driving import outcome
from manyhands.engine import context
from manyhands.engine.serving import Service
from manyhands.model.states import RunStatus

app = typer.Typer(
    no_args_is_help=True, help="Run what is written in a file: a workflow, an app, or a program for another system."
)


@command(app, "workflow")
def workflow(
    door: Door,
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE:NAME", help="A workflow, a step, or a function that returns a workflow; FILE may be a module."
        ),
    ],
    run_id: Annotated[str | None, typer.Option("--id", help="Id of the run; else one is made up.")] = None,
    metadata: Annotated[
        list[str], typer.Option("--metadata", "-m", metavar="KEY=VALUE|JSON", help="Metadata of the run; repeatable.")
    ] = [],  # noqa: B006 - Typer makes a list of its own for each call
    arg: Annotated[
        list[str],
        typer.Option("--arg", "-a", metavar="JSON|NAME=JSON", help="An argument of the step or function; repeatable."),
    ] = [],  # noqa: B006
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Hand it to the store's engine and return at once.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show progress on standard error.")] = True,
) -> Exit | None:
    """Run a workflow and wait for its result. A run id that exists is taken up: what is done is not done again."""
    args, kwargs = values.arguments(arg)
    told = values.metadata(metadata)
    context.configure(storage=door.store, echo_output=door.echo)
    made = targets.call(targets.load(target), target, args, kwargs)
    reference = made.run_async(run_id, told, detach=detach)
    engine = context.client().engine
    if not detach:
        try:
            return outcome(door, reference, progress=progress)
        finally:
            engine.close()
    if door.as_json:
        door.emit({"run": reference.run_id, "status": RunStatus.PENDING, "result": None, "error": None})
    else:
        door.out.print(reference.run_id, markup=False)
    # The file may have chosen a store of its own.
    there = door.at(engine.store.url).inspect.engines()
    if not any(one.alive and one.kind == Service.KIND for one in there):
        door.note("No engine is there to take it up yet: manyhands engine start --background")
    return None
