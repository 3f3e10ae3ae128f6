"""An app from its file: it is loaded, and runs until it stops."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, ModuleType

from manyhands.app.app import App, loading
from manyhands.app.endings import AppFailed, WorkFailed
from manyhands.cli.compat import advice
from manyhands.cli.door import Exit
from manyhands.model.errors import BackendError, ManyhandsError, RunActive, RunCanceled, UsageError

TERMINATED = 128 + signal.SIGTERM
"""The exit code of an app that SIGTERM has stopped, as shells have it."""

STARTED = "Your app has started."
VIEW = "Your app has started. View it in your browser: {0}"
STOPPING = "Your Manyhands app is being stopped. This won't take long."
STOPPED = "Your Manyhands app has been stopped successfully!"
CANCELED = "The app {0} was canceled. One with a name goes on where it was when it is run again under its `--id`.\n"
ACTIVE = "The app {0} runs already. Stop it first, or choose another `--id`.\n"

log = logging.getLogger("manyhands.app")


class NotOneApp(UsageError):
    """A file of an app holds none, or several: `NotOneApp(file, count)`."""

    text = "{0} holds {1} apps at its top level, where there must be exactly one: `app = App(SomeFlow())`."


def run_file(
    file: str,
    arguments: list[str],
    run_id: str | None,
    serving: Callable[[App], AbstractContextManager[str]],
    *,
    blocking: bool,
) -> int:
    """Load the app of a file and run it to its end. `run_id`: the name to keep it under. `serving`: serves its page, of
    which it gives the address. Errors: `NotOneApp`; those of `serving`."""
    try:
        app = load_app(file, arguments)
    except BrokenFile as broken:
        sys.stderr.write(str(broken))
        return Exit.FAILED
    if run_id is not None:
        app.keep(run_id)
    return drive(app, serving(app), blocking=blocking)


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
    """The one app of a file, which is run as `python FILE ARGUMENTS` would run it, but for the app itself: `App.run`
    in the file only says which it is. Errors: `BrokenFile`, `NotOneApp`."""
    path = os.path.abspath(file)
    sys.argv = [file, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    module = ModuleType("__main__")
    module.__file__ = path
    # Works are sent to their processes with their code, as it is for everything in a main module.
    sys.modules["__main__"] = module
    noted: list[App] = []
    before = loading.set(noted)
    try:
        with open(path, "rb") as source:
            code = compile(source.read(), path, "exec")
        exec(code, module.__dict__)  # noqa: S102 - it is what the user asks for
    except Exception as error:
        raise BrokenFile(_trace(error) + advice(error, "manyhands run app --as {} FILE")) from error
    finally:
        loading.reset(before)
    named = [value for value in vars(module).values() if isinstance(value, App)]
    apps = {id(app): app for app in noted or named}
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
