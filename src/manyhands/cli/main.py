"""The command `manyhands`."""

from __future__ import annotations

import importlib
import os
from typing import Annotated

import typer

from manyhands.cli import compat, engine, events, run, runs, store, tasks, why
from manyhands.cli.door import EXIT_CODES, Json, NoColor, Store, command
from manyhands.cli.run_app import run_app

app = typer.Typer(
    name="manyhands",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)

command(run.app, "app")(run_app)
command(run.app, "script", context_settings=compat.AS_IT_COMES)(compat.script)
app.add_typer(run.app, name="run")
app.add_typer(runs.app, name="runs")
app.add_typer(tasks.app, name="tasks")
command(app, "events")(events.events)
command(app, "why")(why.why)
app.add_typer(engine.app, name="engine")
app.add_typer(store.app, name="store")
app.add_typer(compat.app, name="compat")


def _show_version(wanted: bool) -> None:
    if wanted:
        # Loaded by name, because it takes longer than many a command.
        version = importlib.import_module("importlib.metadata").version("manyhands")
        typer.echo(f"manyhands {version}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
    store: Store = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Durable workflows: see what runs, why, and what can be done about it.

    The options of every command may stand before or behind its name.
    """


def main() -> None:
    """Entry point of the command `manyhands`."""
    if os.environ.get("MANYHANDS_COMPAT"):
        importlib.import_module(compat.ALIASES).install_as_told()
    app(prog_name="manyhands")
