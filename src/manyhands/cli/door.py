"""What every command shares: its common options, its way to the store, its output and its exit code."""

from __future__ import annotations

import inspect as signatures
import os
import sys
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Annotated, Any, get_type_hints

import msgspec
import typer
from rich.console import Console

from manyhands import bootstrap
from manyhands.engine.inspect import Inspect
from manyhands.model.errors import (
    BackendError,
    ExecutionError,
    ManyhandsError,
    RunCanceled,
    RunNotFound,
    StateError,
    TaskNotFound,
)
from manyhands.settings import Settings

WIDE = 160
"""Columns of a table that goes to a file or a pipe."""

COMMON = "Options of every command"

Store = Annotated[
    str | None,
    typer.Option("--store", help="The store, as sqlite:///PATH. Else MANYHANDS_STORE, else the nearest .manyhands/.",
                 metavar="URL", rich_help_panel=COMMON),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.", rich_help_panel=COMMON)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.", rich_help_panel=COMMON)]


class Exit(IntEnum):
    """What a command's exit code says; `manyhands --help` has the same table."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    STATE = 4
    STORE = 5
    INTERRUPTED = 130


EXIT_CODES = (
    "**Exit codes**: 0 all is well · 1 the run failed or was canceled, or there are findings · 2 wrong usage · "
    "3 no such run or step · 4 not possible in the present state · 5 the store or another part failed · 130 interrupted"
)


def exit_code(error: ManyhandsError) -> Exit:
    """The exit code that an error leads to."""
    if isinstance(error, ExecutionError | RunCanceled):
        return Exit.FAILED
    if isinstance(error, RunNotFound | TaskNotFound):
        return Exit.NOT_FOUND
    if isinstance(error, StateError):
        return Exit.STATE
    return Exit.STORE if isinstance(error, BackendError) else Exit.USAGE


class Door:
    """One call of the command line: where the store is, how to write, and the services behind it, made on first use."""

    def __init__(self, store: str | None, as_json: bool, no_color: bool) -> None:
        self.store = store
        self.as_json = as_json
        self._plain = no_color or bool(os.environ.get("NO_COLOR"))

    @property
    def echo(self) -> bool | None:
        """Whether what steps write may go to standard output: not where a program reads JSON. None: as set."""
        return False if self.as_json else None

    @cached_property
    def settings(self) -> Settings:
        return bootstrap.settings(store=self.store)

    @cached_property
    def inspect(self) -> Inspect:
        """Errors: `StoreUnavailable` where a store was named by an option and is not there."""
        if self.store is not None:
            bootstrap.check_there(self.settings)
        return bootstrap.inspect(self.settings)

    @cached_property
    def out(self) -> Console:
        wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDE
        return Console(no_color=self._plain, width=wide, highlight=False, emoji=False)

    @cached_property
    def err(self) -> Console:
        return Console(stderr=True, no_color=self._plain, highlight=False, soft_wrap=True, emoji=False)

    def at(self, store: str) -> Door:
        """The same, for another store."""
        return Door(store, self.as_json, self._plain)

    def emit(self, value: object) -> None:
        """Write one JSON document, on many lines when people look at it."""
        data = msgspec.json.encode(value, enc_hook=repr)
        if sys.stdout.isatty():
            data = msgspec.json.format(data, indent=2)
        sys.stdout.write(f"{data.decode()}\n")
        sys.stdout.flush()

    def emit_line(self, value: object) -> None:
        """Write one line of a stream of JSON documents."""
        sys.stdout.write(f"{msgspec.json.encode(value, enc_hook=repr).decode()}\n")

    def note(self, text: str) -> None:
        """Tell people something beside the output proper."""
        self.err.print(text, markup=False, style="dim")

    def complain(self, error: ManyhandsError) -> Exit:
        """Write an error's text, and return the exit code for it."""
        self.err.print(str(error), markup=False, style="red")
        return exit_code(error)


def command(app: typer.Typer, name: str, **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command: it gets a `Door` before its own parameters, and the common options are added to its
    options. It may return an exit code; an error of ours becomes its text and its exit code."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        app.command(name, epilog=EXIT_CODES, **more)(_with_common_options(function))
        return function

    return register


def _with_common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    hints = get_type_hints(function, include_extras=True)
    own = list(signatures.signature(function).parameters.values())[1:]
    common = {"ctx": typer.Context, "store": Store, "as_json": Json, "no_color": NoColor}
    defaults = {"store": None, "as_json": False, "no_color": False}

    def run(**given: Any) -> None:
        ctx = given.pop("ctx")
        above = ctx.find_root().params
        door = Door(
            given.pop("store") or above.get("store"),
            given.pop("as_json") or bool(above.get("as_json")),
            given.pop("no_color") or bool(above.get("no_color")),
        )
        raise typer.Exit(_guarded(door, lambda: function(door, **given)))

    keyword = signatures.Parameter.KEYWORD_ONLY
    parameters = [p.replace(annotation=hints[p.name], kind=keyword) for p in own] + [
        signatures.Parameter(name, keyword, annotation=kind, default=defaults.get(name, signatures.Parameter.empty))
        for name, kind in common.items()
    ]
    run.__signature__ = signatures.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = function.__doc__
    return run


def _guarded(door: Door, call: Callable[[], Exit | None]) -> int:
    try:
        return int(call() or Exit.OK)
    except ManyhandsError as error:
        return int(door.complain(error))
    except KeyboardInterrupt:
        door.note("Interrupted.")
        return int(Exit.INTERRUPTED)


def door_while_completing(ctx: typer.Context) -> Door:
    """The door for shell completion, which runs no command: the options as far as they are typed."""
    store = ctx.params.get("store") or ctx.find_root().params.get("store")
    return Door(store, as_json=False, no_color=True)


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Run ids that begin so, newest first, each with its status."""
    try:
        views = door_while_completing(ctx).inspect.runs(prefix=incomplete, limit=50)
    except ManyhandsError:
        return []
    return [(view.id, str(view.status)) for view in views]


def chosen_by_status(statuses: type[StrEnum], noun: str) -> Any:
    """The option that chooses by status, in small or capital letters, and may be repeated."""

    def parse(text: str) -> StrEnum:
        try:
            return statuses(text.lower())
        except ValueError:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(statuses)}.") from None

    told = f"Only {noun} of this status; may be repeated."
    return typer.Option(
        "--status", "-s", parser=parse, metavar="|".join(statuses), help=told, autocompletion=lambda: list(statuses)
    )


Run = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.", autocompletion=complete_run)]
Runs = Annotated[list[str], typer.Argument(metavar="RUN", help="Ids of the runs.", autocompletion=complete_run)]
