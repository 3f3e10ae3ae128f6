"""`manyhands run app`: load the file of an app, and run it until it stops."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType, ModuleType
from typing import Annotated, Any

import typer

from manyhands.app.app import App
from manyhands.app.endings import AppFailed, WorkFailed
from manyhands.cli.door import Door, Exit
from manyhands.engine import context
from manyhands.model.errors import BackendError, ManyhandsError, RunActive, RunCanceled, UsageError

PAGE = "manyhands.dashboard.app_page"
"""Where the page of an app is: `serve(app, host, port, open_ui, names)` is a context manager that gives its address. It
is found by name, because the page is an extra."""

ALIASES = "manyhands.compat.alias"
"""Serves the names of other systems; by name, as doors do not import each other."""

PORT = 7501
TERMINATED = 128 + signal.SIGTERM
"""The exit code of an app that SIGTERM has stopped, as shells have it."""

TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

STARTING = "Your Manyhands app is starting. This won't take long."
STARTED = "Your app has started."
VIEW = "Your app has started. View it in your browser: {0}"
STOPPING = "Your Manyhands app is being stopped. This won't take long."
STOPPED = "Your Manyhands app has been stopped successfully!"
CANCELED = "The app {0} was canceled. Run it again under its `--id` to go on with it.\n"
ACTIVE = "The app {0} runs already. Stop it first, or choose another `--id`.\n"

log = logging.getLogger("manyhands.app")


class NotOneApp(UsageError):
    """A file of an app holds none, or several: `NotOneApp(file, count)`."""

    text = "{0} holds {1} apps at its top level, where there must be exactly one: `app = App(SomeFlow())`."


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
    try:
        app = load_app(file, arguments)
    except BrokenFile as broken:
        sys.stderr.write(str(broken))
        return Exit.FAILED
    if run_id is not None:
        app.keep(run_id)
    serving = nullcontext("") if page is None else page.serve(app, host, port, opens, allow_host)
    return drive(app, serving, blocking=waits)


def drive(app: App, serving: AbstractContextManager[str], *, blocking: bool) -> int:
    """Run it to its end, with what the customary lines and exit codes say of it."""
    with terminable(app) as terminated:
        code = _lived(app, serving, blocking)
    if code == Exit.OK:
        log.info(STOPPED)
    return TERMINATED if terminated else code


def _lived(app: App, serving: AbstractContextManager[str], blocking: bool) -> int:
    begun = False
    try:
        with serving as address:
            begun = True
            log.info(VIEW.format(address) if address else STARTED)
            try:
                app.run(blocking)
            finally:
                log.info(STOPPING)
    except KeyboardInterrupt:
        sys.stderr.write("Aborted!\n")
    except RunActive:
        sys.stderr.write(ACTIVE.format(app.run_id))
    except RunCanceled:
        sys.stderr.write(CANCELED.format(app.run_id))
    except (AppFailed, WorkFailed, BackendError) as error:
        sys.stderr.write(f"{error}\n")
    except ManyhandsError as error:
        if not begun:  # it is about the page's options, not about the user's code
            raise
        sys.stderr.write(_trace(error))
    except Exception as error:  # noqa: BLE001 - the user's own, shown as Python would
        sys.stderr.write(_trace(error))
    else:
        return Exit.OK
    return Exit.FAILED


@contextmanager
def terminable(app: App) -> Iterator[list[int]]:
    """SIGTERM stops the app in good order; what is yielded then holds the signal."""
    seen: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        app.request_stop()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, before)


# --- the file ---------------------------------------------------------------------------------------------------


class BrokenFile(UsageError):
    """The file raised: `BrokenFile(traceback)`."""

    text = "{0}"


def load_app(file: str, arguments: list[str]) -> App:
    """The one app of a file, which is run as `python FILE ARGUMENTS` would run it. Errors: `NotOneApp`."""
    path = os.path.abspath(file)
    sys.argv = [file, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    module = ModuleType("__main__")
    module.__file__ = path
    # Works are sent to their processes with their code, as it is for everything in a main module.
    sys.modules["__main__"] = module
    try:
        with open(path, "rb") as source:
            code = compile(source.read(), path, "exec")
        exec(code, module.__dict__)  # noqa: S102 - it is what the user asks for
    except Exception as error:
        raise BrokenFile(_trace(error)) from error
    apps = {id(value): value for value in vars(module).values() if isinstance(value, App)}
    if len(apps) != 1:
        raise NotOneApp(file, len(apps) or "no")
    return apps.popitem()[1]


def _trace(error: BaseException) -> str:
    """The traceback from the user's own frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith("manyhands."):
        frames = frames.tb_next
    if frames is None and isinstance(error, SyntaxError):  # it says itself where it is
        return "".join(traceback.format_exception_only(error))
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


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
    told = logging.StreamHandler()
    told.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log.addHandler(told)
    log.setLevel(logging.INFO)
    log.propagate = False
