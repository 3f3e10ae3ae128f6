"""`manyhands run app`: its options, and what is asked of them before the app is loaded."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Any

import typer

from manyhands.cli.door import Door, Exit
from manyhands.engine import context
from manyhands.model.errors import UsageError

LIVING = "manyhands.cli.app"
"""Loads the file and runs its app; found by name, because no other command needs what apps are made of."""

PAGE = "manyhands.dashboard.app_page"
"""Where the page of an app is: `serve(app, host, port, open_ui, names)` is a context manager that gives its address. It
is found by name, because the page is an extra."""

ALIASES = "manyhands.compat.alias"
"""Serves the names of other systems; by name, as doors do not import each other."""

PORT = 7501

TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

STARTING = "Your Manyhands app is starting. This won't take long."


def run_app(  # noqa: PLR0913 - its customary options
    door: Door,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A Python file that makes one App at its top level.")],
    run_id: Annotated[
        str | None, typer.Option("--id", help="Keep the app under this name: run again, it goes on where it was.")
    ] = None,
    blocking: Annotated[str, typer.Option(metavar="BOOL", help="Wait until Run is pressed on the page.")] = "false",
    open_ui: Annotated[str, typer.Option(metavar="BOOL", help="Open the page in a browser.")] = "true",
    host: Annotated[str, typer.Option(help="Address of the page; another than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; the next free one when it is taken, any for 0.")
    ] = PORT,
    allow_host: Annotated[
        list[str],
        typer.Option(
            metavar="NAME", help="A name that a proxy passes on for the page, which needs a token then; repeatable."
        ),
    ] = [],  # noqa: B006
    without_server: Annotated[bool, typer.Option("--without-server", help="Run without a page.")] = False,
    env: Annotated[list[str], typer.Option("--env", metavar="K=V", help="An environment variable; repeatable.")] = [],  # noqa: B006 - Typer makes a list of its own for each call
    app_args: Annotated[
        list[str], typer.Option("--app_args", "--app-args", metavar="TEXT", help="Arguments of the file; repeatable.")
    ] = [],  # noqa: B006
    system: Annotated[
        str | None, typer.Option("--as", metavar="SYSTEM", help="Whose names the file uses: lightning.")
    ] = None,
) -> int | None:
    """Run an app until it stops itself, fails, or is stopped: exit code 0 when it stopped in good order, else 1."""
    waits, opens = truth("--blocking", blocking), truth("--open-ui", open_ui)
    if not os.path.isfile(file):
        sys.stderr.write(f"The provided entrypoint `{file}` doesn't exist. Give the path of a Python file.\n")
        return Exit.FAILED
    check_name(run_id)
    page = page_for(without_server, waits)
    arguments = list(split_arguments(app_args))
    os.environ.update(map(variable, env))
    if system is not None:
        importlib.import_module(ALIASES).install(system)
    context.configure(storage=door.store)
    speak()
    typer.echo(STARTING)

    def serving(app: Any) -> AbstractContextManager[str]:
        return nullcontext("") if page is None else page.serve(app, host, port, opens, allow_host)

    living = importlib.import_module(LIVING)
    code: int = living.run_file(file, arguments, run_id, serving, blocking=waits)
    return code


# --- options ----------------------------------------------------------------------------------------------------


def truth(option: str, text: str) -> bool:
    """Errors: `UsageError`."""
    try:
        return TRUTHS[text.lower()]
    except KeyError:
        raise UsageError(f"{option} is {text!r}; it is true or false.") from None


def check_name(run_id: str | None) -> None:
    """Errors: `UsageError`."""
    if run_id is not None and not run_id.strip():
        raise UsageError("--id is empty; give the app a name, as in `--id daily`.")


def split_arguments(given: list[str]) -> Iterator[str]:
    """The words of all texts, as a shell has them. Errors: `UsageError` for a quote without its end."""
    for text in given:
        try:
            yield from shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--app_args is {text!r}: {error}. Quote what belongs together.") from None


def variable(text: str) -> tuple[str, str]:
    """Errors: `UsageError`."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise UsageError(f"--env is {text!r}; write NAME=VALUE.")
    return name, value


def page_for(without_server: bool, waits: bool) -> Any:
    """What serves the app's page; None where none is wanted, or that is not installed. Errors: `UsageError` for an app
    that waits to be run there."""
    page = None if without_server else find_page()
    if waits and page is None:
        raise UsageError(
            "--blocking waits for Run on the app's page, and there is none: "
            "leave --without-server out, and install it by `pip install 'manyhands[dashboard]'`."
        )
    return page


def find_page() -> Any:
    """What serves the app's page; None where that is not installed."""
    page = importlib.import_module(PAGE)
    return page if all(importlib.util.find_spec(part) for part in page.ITS_PARTS) else None


def speak() -> None:
    """Tell of the app on standard error, and write each line when it is there."""
    if isinstance(sys.stdout, object) and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    log = logging.getLogger("manyhands.app")
    told = logging.StreamHandler()
    told.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log.addHandler(told)
    log.setLevel(logging.INFO)
    log.propagate = False
