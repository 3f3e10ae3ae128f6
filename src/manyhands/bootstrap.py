"""The only wiring: settings to store, executors and engine; and the engine that this process uses by default."""

from __future__ import annotations

import atexit
import logging
import os
import random
import threading
from collections.abc import Callable
from typing import Any

from manyhands import settings as layers
from manyhands.codecs.kit import Kit
from manyhands.engine.caching import Caching
from manyhands.engine.client import Client
from manyhands.engine.clock import SystemClock
from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.driver import Driver
from manyhands.engine.heartbeat import Heartbeat
from manyhands.engine.inspect import Inspect
from manyhands.engine.liveness import Liveness, born, host
from manyhands.engine.loop import Loop, Loops
from manyhands.engine.outputs import Outputs
from manyhands.engine.placement import Placement
from manyhands.engine.pruner import Pruner
from manyhands.engine.reaper import Reaper
from manyhands.engine.service import Engine, Parts
from manyhands.engine.serving import Service
from manyhands.executors.inline import InlineExecutor
from manyhands.executors.process import ProcessExecutor
from manyhands.model.errors import StateError
from manyhands.model.records import EngineRecord
from manyhands.ports.executor import Executor
from manyhands.ports.store import Keeping
from manyhands.settings import Settings
from manyhands.stores.location import parse_location, short_folder
from manyhands.stores.opening import address, open_blobs
from manyhands.stores.sqlite import SqliteStore
from manyhands.stores.wake import open_wake

log = logging.getLogger("manyhands")

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


def keeping(chosen: Settings) -> Keeping:
    """The care of the store, for those who repair it."""
    return open_store(chosen)


def inspect(chosen: Settings) -> Inspect:
    """The read side of the store."""
    return Inspect(open_store(chosen), Liveness())


def client(chosen: Settings, kind: str = "embedded") -> Client:
    """An engine on the store that the settings name, and its verbs. `kind`: `embedded` in a user's process, or
    `service`, which also looks for runs that others have left."""
    opened = open_store(chosen)
    kit = Kit(opened.blobs, allow_pickle=chosen.allow_pickle)
    clock = SystemClock()
    liveness = Liveness()
    record = engine_record(kind, clock.now(), chosen.lease_seconds)
    outputs = Outputs(opened, kit)
    pool = executors(chosen, opened, kit)
    collector = Collector(kit, outputs, Placement(pool), random.Random())  # noqa: S311 - jitter, not a secret
    caching = Caching(opened, kit, outputs, liveness, record.id)
    dispatcher = Dispatcher(pool, outputs, caching, collector)
    driver = Driver(opened, pool, collector, dispatcher, clock, chosen.grace_seconds)
    beat = Heartbeat(opened, driver, clock, record, interval=chosen.heartbeat_seconds, lease=chosen.lease_seconds)
    loops: list[Loop] = [beat]
    if chosen.retention_days:
        loops.append(Pruner(opened, clock, days=chosen.retention_days, first=FIRST_PRUNE))
    if kind == Service.KIND:
        loops.append(Reaper(opened, liveness, clock, interval=chosen.poll_seconds))
    parts = Parts(opened, kit, outputs, pool, driver, Loops(*loops), clock, liveness, record)
    return Client(Engine(parts, lambda: open_wake(opened.url, record.id)))


def service(chosen: Settings) -> Service:
    """The engine service of a store."""
    return Service(
        client(chosen, Service.KIND),
        take_over=chosen.take_over,
        max_takeovers=chosen.max_takeovers,
        poll=chosen.poll_seconds,
    )


def executors(chosen: Settings, opened: SqliteStore, kit: Kit) -> dict[str, Executor]:
    """The executors of one engine, by name; the pool starts no process before it is used."""
    far = {
        "blobs": blob_place(chosen, opened.url),
        "store": opened.url,
        "allow_pickle": chosen.allow_pickle,
    }
    inline = InlineExecutor(settings=far)
    inline.context.kit = kit
    pool = ProcessExecutor(
        chosen.processes, far, opened.log_folder, grace=chosen.grace_seconds, echo=chosen.echo_output
    )
    return {"inline": inline, "process": pool}


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

    def configure(self, *, storage: str | None = None, **arguments: Any) -> None:
        """Choose what the client is to be made with. Errors: `StateError` (a `RuntimeError`) when it is made with
        another store; any other change then is told in a warning and has no effect."""
        chosen = dict(arguments)
        if storage is not None:
            chosen["store"] = address(storage)
        made = self._client
        if made is None or self._pid != os.getpid():
            settings(**chosen)
            self._arguments = chosen
            return
        now_at = made.engine.store.url
        if address(settings(**chosen).store) != now_at:
            raise OtherStorage(now_at)
        log.warning("`init` was called before; its settings stay as they are.")

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
