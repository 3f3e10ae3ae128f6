"""The only wiring: settings to store, executors and engine; and the engine that this process uses by default."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from manyhands import settings as layers
from manyhands.codecs.kit import Kit
from manyhands.engine.caching import Caching
from manyhands.engine.client import Client
from manyhands.engine.clock import SystemClock
from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.driver import Driver
from manyhands.engine.errands import Errands
from manyhands.engine.heartbeat import Heartbeat
from manyhands.engine.liveness import Liveness, born, host
from manyhands.engine.loop import Loop, Loops
from manyhands.engine.mailbox import Mailbox
from manyhands.engine.outputs import Outputs
from manyhands.engine.placement import Placement
from manyhands.engine.pruner import Pruner
from manyhands.engine.reaper import Reaper
from manyhands.engine.service import Engine, Parts
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.executors.cores import COROUTINES, WORKS, cores
from manyhands.executors.inline import InlineExecutor
from manyhands.executors.later import LaterExecutor
from manyhands.executors.presence import PresenceExecutor
from manyhands.model.errors import OptionError, StateError, StoreUnavailable
from manyhands.model.kinds import SERVICE
from manyhands.model.records import EngineRecord
from manyhands.ports.executor import Executor
from manyhands.ports.store import Keeping
from manyhands.settings import Settings
from manyhands.stores.location import parse_location, short_folder
from manyhands.stores.opening import address, open_blobs
from manyhands.stores.sqlite import SqliteStore
from manyhands.stores.wake import open_wake

if TYPE_CHECKING:
    from manyhands.engine.inspect import Inspect
    from manyhands.engine.serving import Service
    from manyhands.executors.coroutines import CoroutineExecutor
    from manyhands.executors.dedicated import DedicatedExecutor
    from manyhands.executors.process import ProcessExecutor

log = logging.getLogger("manyhands")

WORK_MODULES = ("manyhands.worker.entry", "manyhands.app.far")
"""What the processes of works find already loaded."""

LIMITS = ("max_running_workflows", "max_pending_workflows")
"""Settings that a process keeps as they were first said."""

FIRST_PRUNE = 60.0
"""Seconds after its start until an engine first prunes; a short script never does."""


def settings(**arguments: Any) -> Settings:
    """The settings in force here: files, over them the environment, over it these arguments (None: not given)."""
    return layers.load({name: value for name, value in arguments.items() if value is not None})


def store(chosen: Settings) -> SqliteStore:
    """The store that the settings name, not yet opened."""
    url = address(chosen.store)
    return SqliteStore(url, synchronous=chosen.synchronous, blobs=open_blobs(blob_place(chosen, url)))


def blob_place(chosen: Settings, url: str) -> str:
    """Where the large values of a store are: workers must find them there too, so not in memory."""
    if chosen.blobs is not None:
        return chosen.blobs
    location = parse_location(url)
    if location.path is None:
        return os.path.join(short_folder(), f"blobs-{os.getpid()}")
    return location.beside("blobs")


def open_store(chosen: Settings) -> SqliteStore:
    """The store that the settings name, opened; a store of an older version is brought up to date."""
    opened = store(chosen)
    opened.open()
    return opened


def check_there(chosen: Settings) -> None:
    """For those who only look, and are to make no store where there is none. Errors: `StoreUnavailable`."""
    url = address(chosen.store)
    path = parse_location(url).path
    if path is not None and not os.path.exists(path):
        raise StoreUnavailable(url, "there is no such file. The first run in it makes it; is the name right?")


def keeping(chosen: Settings) -> Keeping:
    """The care of the store, for those who repair it."""
    return open_store(chosen)


def inspect(chosen: Settings) -> Inspect:
    """The read side of the store."""
    made: type[Inspect] = _lazily("engine.inspect", "Inspect")
    return made(open_store(chosen), Liveness())


def client(chosen: Settings, kind: str = "embedded") -> Client:
    """An engine on the store that the settings name, and its verbs. `kind`: `embedded` in a user's process, or
    `service`, which also looks for runs that others have left."""
    opened = open_store(chosen)
    kit = Kit(opened.blobs, allow_pickle=chosen.allow_pickle)
    clock = SystemClock()
    liveness = Liveness()
    record = engine_record(kind, clock.now(), chosen.lease_seconds)
    outputs = Outputs(opened, kit)
    room = WaitingRoom(kit, clock)
    pool = {**executors(chosen, opened, kit), room.name: room}
    collector = Collector(kit, outputs, Placement(pool), random.Random())  # noqa: S311 - jitter, not a secret
    caching = Caching(opened, kit, outputs, liveness, record.id)
    dispatcher = Dispatcher(pool, outputs, caching, collector, room)
    mailbox = Mailbox(opened, kit, outputs, room, collector, dispatcher)
    driver = Driver(opened, pool, collector, dispatcher, mailbox, room, clock, chosen.grace_seconds)
    beat = Heartbeat(opened, driver, clock, record, interval=chosen.heartbeat_seconds, lease=chosen.lease_seconds)
    loops: list[Loop] = [beat]
    if chosen.retention_days:
        loops.append(Pruner(opened, clock, days=chosen.retention_days, first=FIRST_PRUNE))
    if kind == SERVICE:
        loops.append(Reaper(opened, liveness, clock, interval=chosen.poll_seconds))
    turning = Loops(*loops)
    parts = Parts(opened, kit, outputs, pool, driver, turning, clock, liveness, record, chosen.max_takeovers)
    engine = Engine(parts, lambda: open_wake(opened.url, record.id))
    made = Client(engine, running=chosen.max_running_workflows, waiting=chosen.max_pending_workflows)
    turning.add(Errands(made, interval=chosen.heartbeat_seconds))
    return made


def service(chosen: Settings) -> Service:
    """The engine service of a store."""
    made: type[Service] = _lazily("engine.serving", "Service")
    return made(
        client(chosen, SERVICE),
        take_over=chosen.take_over,
        poll=chosen.poll_seconds,
    )


def executors(chosen: Settings, opened: SqliteStore, kit: Kit) -> dict[str, Executor]:
    """The executors of one engine, by name. Those that most scripts use none or one of are made when they are used."""
    far = {
        "blobs": blob_place(chosen, opened.url),
        "store": opened.url,
        "allow_pickle": chosen.allow_pickle,
    }
    inline = InlineExecutor(settings=far)
    inline.context.kit = kit
    presence = PresenceExecutor()
    grace, processes = chosen.grace_seconds, chosen.processes or cores()

    def pool() -> Executor:
        made: type[ProcessExecutor] = _lazily("executors.process", "ProcessExecutor")
        return made(processes, far, opened.log_folder, grace=grace, echo=chosen.echo_output)

    def coroutines() -> Executor:
        made: CoroutineExecutor = _lazily("executors.coroutines", "CoroutineExecutor")(
            COROUTINES, settings=far, grace=grace
        )
        made.context.kit = kit
        return made

    def works() -> Executor:
        made: type[DedicatedExecutor] = _lazily("executors.dedicated", "DedicatedExecutor")
        return made(WORKS, settings=far, grace=grace, preload=WORK_MODULES)

    return {
        "inline": inline,
        "process": LaterExecutor("process", processes, pool),
        "async": LaterExecutor("async", COROUTINES, coroutines),
        "dedicated": LaterExecutor("dedicated", WORKS, works),
        presence.name: presence,
    }


def _lazily(module: str, name: str) -> Any:
    """Something that few scripts need: its module is loaded now."""
    return getattr(importlib.import_module(f"manyhands.{module}"), name)


def engine_record(kind: str, now: float, lease: float) -> EngineRecord:
    """This process, as one engine."""
    pid = os.getpid()
    here = host()
    name = f"{here.partition('/')[0]}-{pid}-{os.urandom(4).hex()}"
    return EngineRecord(name, kind, here, pid, born(pid) or "", now, now + lease)


class Current:
    """The client that a process uses unless told otherwise: made on first use, closed when the process ends.

    A forked child has none of it and makes its own.
    """

    def __init__(self, make: Callable[[Settings], Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._arguments: dict[str, Any] = {}
        self._client: Client | None = None
        self._pid = 0

    def client(self) -> Client:
        made = self._client
        if made is not None and self._pid == os.getpid():
            return made
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = self._make(settings(**self._arguments))
                self._pid = os.getpid()
                atexit.register(self._client.engine.close)
            return self._client

    @property
    def made(self) -> bool:
        """Whether there is one in this process."""
        return self._client is not None and self._pid == os.getpid()

    def configure(self, *, storage: str | None = None, **arguments: Any) -> None:
        """Choose what the client is to be made with. Errors: `StateError` (a `RuntimeError`) when it is made with
        another store; any other change then is told in a warning and has no effect."""
        chosen = dict(arguments)
        if storage is not None:
            chosen["store"] = address(storage)
        made = self._client
        fresh = made is None or self._pid != os.getpid()
        chosen = {**self._limits(chosen, fresh), **chosen}
        if made is None or fresh:
            settings(**chosen)
            self._arguments = chosen
            return
        now_at = made.engine.store.url
        if address(settings(**chosen).store) != now_at:
            raise OtherStorage(now_at)
        log.warning("`init` was called before; its settings stay as they are.")

    def _limits(self, chosen: dict[str, Any], fresh: bool) -> dict[str, Any]:
        """The limits that hold already. Errors: `OptionError` when others are chosen now."""
        held = {name: self._arguments[name] for name in LIMITS if name in self._arguments}
        for name in LIMITS:
            if name in chosen and (name in held or not fresh) and chosen[name] != held.get(name):
                raise OptionError(
                    f"{name} is {held.get(name)} in this process and cannot be changed to {chosen[name]}. "
                    "Say it in the first `init`, before anything runs."
                )
        return held

    def close(self) -> None:
        """Close the client, if there is one; the next use makes another."""
        with self._lock:
            made, self._client = self._client, None
            self._arguments = {}
        if made is not None and self._pid == os.getpid():
            made.engine.close()
            atexit.unregister(made.engine.close)


class OtherStorage(StateError, RuntimeError):
    """`init` was called again with another storage: `OtherStorage(url_in_use)`."""

    text = (
        "Calling 'workflow.init()' again with a different storage: this process uses {0}. "
        "One process has one store; start another process for another store."
    )


current = Current(client)
"""The one thing of this process that is shared by all its code; see docs/decisions."""
