"""A running app, seen and steered from other threads than its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from manyhands.app.delta import Delta
from manyhands.app.errors import ComponentNotFound
from manyhands.app.flow import Flow
from manyhands.app.life import Life
from manyhands.app.loop import Request
from manyhands.app.rooted import AppStatus
from manyhands.app.work import Work

log = logging.getLogger("manyhands")

PUBLISH_SECONDS = 0.05
"""Those who look are told of changes at most so often."""

ANSWER_SECONDS = 30.0
"""How long a flow may be busy before a request to it is given up."""

T = TypeVar("T")


class Steered(Protocol):
    """The app, as this module needs it."""

    stage: str

    @property
    def root(self) -> Flow: ...

    @property
    def named_works(self) -> list[tuple[str, Work]]: ...

    @property
    def status(self) -> AppStatus: ...

    @property
    def life(self) -> Life: ...

    def request(self, work: Callable[[], T]) -> Request[T]: ...

    def request_run(self) -> None: ...

    def request_stop(self) -> None: ...


class Control:
    """The app as other threads see it: plain data as of the last turn, and requests that its loop carries out.

    Errors of every method that asks for something: `NotRunning` while the app does not run; `TimeoutError` when its
    flow is busy for too long; a `UsageError` for what does not fit.
    """

    def __init__(self, app: Steered) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._watchers: dict[int, Callable[[], None]] = {}
        self._number = 0
        self._published_at = 0.0
        self._stale = True
        self._looked = False
        self._state: dict[str, Any] = {}
        self._status: dict[str, Any] = {}

    # --- by the loop's thread ---------------------------------------------------------------------------------------

    def begins(self) -> None:
        """A run of the app has begun."""
        self._stale = True
        self._publish()

    def publish(self, changed: bool) -> None:
        """A turn is over. Costs next to nothing while nobody looks."""
        self._stale = self._stale or changed
        if self._stale and (self._looked or self._watchers):
            now = time.monotonic()
            if now - self._published_at >= PUBLISH_SECONDS:
                self._published_at = now
                self._publish()

    def _publish(self) -> None:
        app = self._app
        state = {**app.root._readable_(), "app_state": {"stage": app.stage}}
        status = asdict(app.status)
        with self._lock:
            self._state, self._status = state, status
            self._stale = self._looked = False
            watchers = list(self._watchers.values())
        for changed in watchers:
            changed()

    # --- from any thread: looking -----------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The state of all components as it was last published, as strict JSON, with `app_state`."""
        self._look()
        with self._lock:
            return self._state

    def status(self) -> dict[str, Any]:
        """`is_ui_ready`, and `work_statuses`: name of a work to where its latest call stands."""
        self._look()
        with self._lock:
            return self._status

    def _look(self) -> None:
        """What is shown is at most one publication old; a loop at rest is asked for a newer one."""
        if self._stale and not self._watchers:
            self._looked = True
            try:
                self._app.request(self._publish).result(PUBLISH_SECONDS)
            except Exception:  # noqa: BLE001 - a flow that is busy, or over: what was published last is shown
                log.debug("The app has nothing newer to show.")

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change, from the loop's thread, until what this returns is called."""
        with self._lock:
            self._number += 1
            number = self._number
            self._watchers[number] = changed

        def unsubscribe() -> None:
            with self._lock:
                self._watchers.pop(number, None)

        return unsubscribe

    # --- from any thread: steering ----------------------------------------------------------------------------------

    def request_run(self) -> None:
        """Let an app begin that waits for it."""
        self._app.request_run()

    def request_stop(self) -> None:
        """End the app in good order; returns at once."""
        self._app.request_stop()

    def stop_work(self, name: str) -> None:
        """End a work's process, as `work.stop()` does. Errors: `ComponentNotFound`."""
        self._ask(lambda: self._work(name).stop())

    def retry(self, name: str, key: str) -> None:
        """Make a work's failed call once more; `key` is the call's in the work's `calls`.

        Errors: `ComponentNotFound`, `NothingToRetry`, `WorkHasStopped`.
        """
        self._ask(lambda: self._app.life.desk.retry(self._work(name), key))

    def apply_delta(self, delta: Delta) -> None:
        """Make these changes of the state, all or none. Errors: `UnfitDelta`."""
        self._ask(lambda: self._app.life.desk.impose(self._app.root, delta))

    def _work(self, name: str) -> Work:
        for known, work in self._app.named_works:
            if known == name:
                return work
        above, _, last = name.rpartition(".")
        raise ComponentNotFound(above, last)

    def _ask(self, work: Callable[[], T]) -> T:
        return self._app.request(work).result(ANSWER_SECONDS)
