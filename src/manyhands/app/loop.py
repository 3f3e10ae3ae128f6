"""The loop of an app: hears what its works say, runs the flow, and sees what has changed; again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from manyhands.app.channel import Exchange
from manyhands.app.desk import Desk
from manyhands.app.endings import NotRunning
from manyhands.app.errors import AppExit, CallPending
from manyhands.app.tree import Tree

log = logging.getLogger("manyhands")

IDLE_SECONDS = 0.1
"""The flow runs at least so often, for its conditions may be on the clock."""

LISTEN_SECONDS = 0.001
"""How often a flow that never rests is interrupted to hear its works."""

LOOK_SECONDS = 0.01
"""How often what a flow that never rests has changed in place is looked for: a look costs more than such a turn."""

SLOW_SECONDS, SLOW_TURNS = 1.0, 5
"""A mean of more than so many seconds over so many turns is worth a warning."""

NOT_BEGUN = "The app's flow is busy, and has not come to it in time. Try again later."
UNDER_WAY = "The app's flow was still at it when the time was up. Look whether it is done before you ask again."

T = TypeVar("T")


class Rooted(Protocol):
    """The root flow, as the loop sees it."""

    def run(self) -> Any: ...


class Request(Generic[T]):
    """Something to be done in the loop's thread, between two runs of the flow.

    As in a run of the flow, it may call a work and end the app; where that unwinds it, it comes to None.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._settled = threading.Lock()
        """Held for ever by who does it, or drops it: whoever is first."""
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def do(self) -> None:
        """Unless it was dropped. Errors: what ends the app."""
        if not self._settled.acquire(blocking=False):
            return
        try:
            self._value = self._work()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        except CallPending:
            pass
        except AppExit:
            raise
        except BaseException:
            self._error = NotRunning("That has ended the app")
            raise
        finally:
            self._done.set()

    def drop(self, error: BaseException) -> None:
        """It is not done any more, and `result` raises this; unless it was begun."""
        if self._settled.acquire(blocking=False):
            self._error = error
            self._done.set()

    def result(self, timeout: float | None = None) -> T:
        """What it came to. What was not begun in that time is dropped.

        Errors: whatever it raised; `TimeoutError`, which says whether it was begun.
        """
        if not self._done.wait(timeout):
            self.drop(TimeoutError(NOT_BEGUN))
            if not self._done.is_set():
                raise TimeoutError(UNDER_WAY)
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value


class FlowLoop:
    """One thread runs it; any thread may `ask`.

    `monotonic`: seconds that only go forward. `after_turn`: called when a turn is over, with whether anything has
    changed.
    """

    def __init__(
        self,
        root: Rooted,
        tree: Tree,
        desk: Desk,
        exchange: Exchange,
        after_turn: Callable[[bool], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._tree = tree
        self._desk = desk
        self._exchange = exchange
        self._after_turn = after_turn
        self._monotonic = monotonic
        self._requests: deque[Request[Any]] = deque()
        self._over: BaseException | None = None
        self._at_once = True
        self._idle_due = 0.0
        self._listen_due = 0.0
        self._look_due = 0.0
        self._slow: deque[float] = deque(maxlen=SLOW_TURNS)
        self._warned = False
        self.blocked = False
        """Whether the flow is not to run yet."""
        self.turns = 0

    def ask(self, work: Callable[[], T]) -> Request[T]:
        """Have something done between two turns; from any thread."""
        request = Request(work)
        self._requests.append(request)
        if self._over is not None:
            request.drop(self._over)
        self._exchange.ring()
        return request

    def close(self, error: BaseException) -> None:
        """Nothing more will be done; `result` of what is asked for raises this."""
        self._over = error
        while self._requests:
            self._requests.popleft().drop(error)

    def wait(self) -> None:
        """Sleep until something is to be done; not at all when the last turn has changed something."""
        now = self._monotonic()
        if self._at_once or self._requests:
            if now >= self._listen_due:
                self._listen_due = now + LISTEN_SECONDS
                self._exchange.wait(0.0)
            return
        self._exchange.wait(max(0.0, self._idle_due - now))
        self._listen_due = now + LISTEN_SECONDS

    def turn(self) -> None:
        """One turn. Errors: whatever the flow raises; `AppExit`, `AppFail` when it ends the app."""
        desk = self._desk
        while self._requests:
            self._serve(self._requests.popleft())
        left = desk.deliver()
        if desk.changed:
            desk.gather()
        now = self._monotonic()
        heard = desk.changed
        try:
            if not self.blocked and (desk.changed or self._at_once or now >= self._idle_due):
                desk.changed = False
                self._idle_due = now + IDLE_SECONDS
                self._run_flow(now)
                desk.gather(self._may_look(now))
        finally:
            changed, desk.changed = desk.changed, False
            self._at_once = changed or left
            if self.blocked:
                self._idle_due = now + IDLE_SECONDS
            self._after_turn(changed or heard)

    def _run_flow(self, began: float) -> None:
        self.turns += 1
        try:
            self._root.run()
        except CallPending:
            pass
        except AppExit:
            self._desk.gather()
            raise
        self._judge(self._monotonic() - began)

    def _may_look(self, now: float) -> bool:
        if now < self._look_due:
            return False
        self._look_due = now + LOOK_SECONDS
        return True

    def _serve(self, request: Request[Any]) -> None:
        self._tree.running += 1
        try:
            request.do()
        finally:
            self._tree.running -= 1
            self._desk.gather()

    def _judge(self, seconds: float) -> None:
        self._slow.append(seconds)
        if not self._warned and len(self._slow) == SLOW_TURNS and sum(self._slow) > SLOW_SECONDS * SLOW_TURNS:
            self._warned = True
            log.warning(
                "The flow takes %.1f s per turn, and sees what its works do only as often. "
                "Move what takes long into a work.",
                sum(self._slow) / SLOW_TURNS,
            )
