"""`manyhands engine`: the process that drives what nobody else drives."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Annotated, BinaryIO

import typer
from rich.text import Text

from manyhands import bootstrap
from manyhands.cli import paint
from manyhands.cli.door import Door, Exit, command
from manyhands.cli.driving import find_modules_here
from manyhands.engine import phrases
from manyhands.engine.liveness import born, host
from manyhands.engine.serving import Service
from manyhands.engine.views import EngineView
from manyhands.model.errors import BackendError, StateError

app = typer.Typer(
    no_args_is_help=True,
    help="Start, stop and look at engines: processes that drive every run of a store that nobody else drives.",
)

LOG = "engine.log"
PATIENCE = 60.0
"""Seconds that a new engine may take to be there."""

LOOK_AGAIN = 0.03
"""Seconds between two looks whether an engine is there, or gone."""


@command(app, "start")
def start(
    door: Door,
    background: Annotated[
        bool, typer.Option("--background", "-b", help="Return as soon as it is there; it goes on without a terminal.")
    ] = False,
    take_over: Annotated[
        bool | None, typer.Option(help="Take up runs whose driver is gone; else as the settings say.")
    ] = None,
    max_takeovers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="How often one run is taken over at most.")
    ] = None,
) -> Exit | None:
    """Start an engine: it takes up detached runs and, unless told otherwise, runs whose driver is gone."""
    if background:
        return _start_in_background(door, take_over, max_takeovers)
    find_modules_here()
    service = bootstrap.service(bootstrap.settings(store=door.store, take_over=take_over, max_takeovers=max_takeovers))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    door.note(f"Driving the runs of {door.inspect.url}. Ctrl-C or `manyhands engine stop` ends it.")
    service.serve()
    return None


def _start_in_background(door: Door, take_over: bool | None, max_takeovers: int | None) -> Exit | None:
    bootstrap.keeping(door.settings)  # a new engine may be what a new store begins with
    inspect = door.inspect
    log = os.path.join(inspect.log_folder, LOG)
    os.makedirs(inspect.log_folder, exist_ok=True)
    # -P: a module of the user's that lies here must not stand in for one that we load.
    order = [sys.executable, "-P", "-m", "manyhands", "engine", "start", "--store", inspect.url]
    if take_over is not None:
        order.append("--take-over" if take_over else "--no-take-over")
    if max_takeovers is not None:
        order += ["--max-takeovers", str(max_takeovers)]
    with open(log, "ab") as output:
        began = output.tell()
        child, alive = _spawn(order, output)
    try:
        found = _await_engine(door, child.pid, alive)
    finally:
        os.close(alive)
    if found is None:
        child.kill()
        child.wait()
        raise BackendError(f"The engine did not start. Its last words, in {log}:\n{_last_words(log, began)}")
    if door.as_json:
        door.emit({"engine": found, "log": log})
    else:
        door.out.print(
            f"Engine {found.id} is there: process {child.pid}, output in {log}.", markup=False, soft_wrap=True
        )
    # It is to outlive this process, so nobody here waits for it.
    child.returncode = 0
    return None


def _spawn(order: list[str], output: BinaryIO) -> tuple[subprocess.Popen[bytes], int]:
    """Start it in a session of its own. The descriptor returned can be read to its end when the process is gone."""
    alive, held = os.pipe()
    try:
        child = subprocess.Popen(
            order, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=(held,), start_new_session=True
        )
    finally:
        os.close(held)
    return child, alive


def _await_engine(door: Door, pid: int, alive: int) -> EngineView | None:
    """The engine as soon as it stands in the store; None when its process is gone, or it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = next((engine for engine in door.inspect.engines() if engine.pid == pid and engine.alive), None)
        if found is not None:
            return found
        gone, _, _ = select.select([alive], [], [], LOOK_AGAIN)
        if gone:
            return None
    return None


def _last_words(path: str, start: int) -> str:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()[-2_000:].decode("utf-8", errors="replace").strip() or "(nothing)"


@command(app, "stop")
def stop(
    door: Door,
    engines: Annotated[list[str] | None, typer.Argument(metavar="ENGINE", help="Ids; else all on this host.")] = None,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the end.")] = 30.0,
) -> Exit | None:
    """Stop engines in good order: their runs become resumable. Waits until their processes are gone."""
    found = _chosen(door, engines or [])
    here = [engine for engine in found if engine.host == host()]
    if engines and len(here) < len(found):
        away = next(engine for engine in found if engine.host != host())
        raise StateError(f"Engine {away.id} runs on {away.host}: stop it there, with the same command.")
    deadline = time.monotonic() + wait
    for engine in here:
        _terminate(engine.pid)
    for engine in here:
        if not _ends(engine.pid, deadline):
            raise StateError(
                f"Process {engine.pid} is still there after {wait:g} s: wait longer (`--wait`), or kill it."
            )
    if door.as_json:
        door.emit([{"engine": engine.id, "pid": engine.pid, "stopped": True} for engine in here])
    elif not here:
        door.note(f"No engine runs for {door.inspect.url} on this host.")
    for engine in () if door.as_json else here:
        door.out.print(f"Engine {engine.id} (process {engine.pid}) has stopped.", markup=False)
    return None


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise StateError(f"Process {pid} belongs to somebody else: let them stop it.") from error


def _ends(pid: int, deadline: float) -> bool:
    """Wait until the process is gone; False when the deadline came first."""
    if not hasattr(os, "pidfd_open"):
        while born(pid) is not None and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)
        return born(pid) is None
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], max(0.0, deadline - time.monotonic()))[0])
    finally:
        os.close(process)


def _chosen(door: Door, ids: Sequence[str]) -> list[EngineView]:
    services = [engine for engine in door.inspect.engines() if engine.alive and engine.kind == Service.KIND]
    unknown = [name for name in ids if name not in {engine.id for engine in services}]
    if unknown:
        raise StateError(f"No engine {unknown[0]} runs for this store. `manyhands engine status` shows those that do.")
    return [engine for engine in services if not ids or engine.id in ids]


@command(app, "status")
def status(door: Door) -> Exit | None:
    """Show the engines of the store. Exit code 1 when none is there that takes up runs by itself."""
    found = door.inspect.engines()
    serving = any(engine.alive and engine.kind == Service.KIND for engine in found)
    if door.as_json:
        door.emit(found)
        return None if serving else Exit.FAILED
    now = time.time()
    if found:
        table = paint.table("ENGINE", "STATUS", "KIND", "PROCESS", "HOST", "SINCE", "HEARTBEAT", "DRIVES")
        table.columns[0].no_wrap = True  # it is what `engine stop` takes
        for engine in found:
            table.add_row(*_row(engine, now))
        door.out.print(table)
    if not serving:
        door.note("No engine takes up runs by itself. Start one: manyhands engine start --background")
    return None if serving else Exit.FAILED


def _row(engine: EngineView, now: float) -> list[str | Text]:
    alive = Text("▶ alive", style="cyan") if engine.alive else Text("✗ gone", style="red")
    until = f"lease {'ends' if engine.expires_at > now else 'ended'} {phrases.ago(engine.expires_at, now)}"
    drives = phrases.some(engine.runs, 3) if engine.runs else ""
    since = phrases.when(engine.started_at, now)
    return [Text(engine.id), alive, engine.kind, str(engine.pid), engine.host, since, until, Text(drives)]
