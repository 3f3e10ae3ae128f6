"""An event loop in a thread of its own, which runs attempts as coroutines and sees who holds it up."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context, ContextVar
from functools import partial
from time import monotonic, time
from types import FrameType
from typing import Any, NamedTuple

from manyhands.executors.far import Attempts
from manyhands.model.outcomes import Failure, Launch, Report
from manyhands.model.states import Cause

log = logging.getLogger("manyhands")

BLOCKED_SECONDS = 1.0
"""Code that runs so long without an `await` is told of: nothing else in the loop goes on meanwhile."""

PARTING_SECONDS = 1.0
"""A loop that is to end and does not, for so long after the grace period, is left behind."""


OURS = "manyhands."
"""Modules between the loop and the code of users."""


class Attempt:
    """One launch in the loop. `began`: when its body did, in seconds since the epoch. `canceled` is set by the driving
    thread, and `task` by the loop's."""

    __slots__ = ("began", "canceled", "launch", "task")

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.began: float | None = None
        self.canceled = False
        self.task: asyncio.Task[Report] | None = None

    @property
    def name(self) -> str:
        """What it is called in messages: the name of its asyncio task, which its body may change."""
        return self.launch.label if self.task is None else self.task.get_name()


_attempt: ContextVar[Attempt | None] = ContextVar("manyhands_attempt", default=None)
"""The attempt that this coroutine is of; inherited by the asyncio tasks that it starts."""


class Step(NamedTuple):
    """What the loop is busy with, from one `await` to the next. `began`: monotonic seconds."""

    attempt: Attempt
    began: float


class LoopThread:
    """Starts its thread when it is made. `report` is called there, once for each attempt, when it has ended."""

    def __init__(self, attempts: Attempts, report: Callable[[Attempt, Report], None]) -> None:
        self._attempts = attempts
        self._report = report
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self._make_task)
        self._over = False
        self._parting: asyncio.Task[None] | None = None
        self._named: set[str] = set()
        self._lock = threading.Lock()
        self.step: Step | None = None
        """Set and read without a lock: it is replaced as a whole."""
        self._thread = threading.Thread(target=self._serve, name="manyhands-async", daemon=True)
        self._thread.start()

    # --- from the driving thread -----------------------------------------------------------------------------------

    def begin(self, launches: Sequence[Launch]) -> list[Attempt]:
        begun = [Attempt(launch) for launch in launches]
        self._loop.call_soon_threadsafe(self._begin, begun)
        return begun

    def cancel(self, attempts: Sequence[Attempt]) -> None:
        self._loop.call_soon_threadsafe(self._cancel, attempts)

    def close(self, grace: float) -> bool:
        """Cancel what is left, give it `grace` seconds, and end the thread; False when it does not end."""
        self._loop.call_soon_threadsafe(self._part, grace)
        if threading.current_thread() is not self._thread:
            self._thread.join(grace + PARTING_SECONDS)
        return not self._thread.is_alive()

    def tell_if_blocked(self) -> None:
        """Warn when the loop is held up now; what ends in time is told of by the loop itself."""
        step = self.step
        if step is not None and (seconds := monotonic() - step.began) > BLOCKED_SECONDS:
            self.blame(step.attempt, seconds, place(sys._current_frames().get(self._thread.ident or 0)))

    # --- from any --------------------------------------------------------------------------------------------------

    def blame(self, attempt: Attempt, seconds: float, where: str = "") -> None:
        """Warn of code that blocks, once for each name."""
        name = attempt.name
        with self._lock:
            if name in self._named:
                return
            self._named.add(name)
        log.warning(
            "%s blocks the event loop for %.1f s%s, and whatever else waits there stands still; "
            "use `await asyncio.sleep` and other calls that can be awaited, or `await asyncio.to_thread`.",
            name, seconds, where,
        )  # fmt: skip

    # --- in the loop's thread --------------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._over:
                try:
                    self._loop.run_forever()
                except BaseException:  # an exit in a task that a body has started must not end the loop of all others
                    log.exception("Something in the event loop of executor 'async' tried to end it.")
        finally:
            self._loop.close()

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        """A task that a body starts is timed too: `asyncio.wait_for` runs what it waits for in one."""
        attempt = _attempt.get()
        return asyncio.Task(coroutine if attempt is None else Timed(coroutine, attempt, self), loop=loop, **more)

    def _begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            context = Context()
            context.run(_attempt.set, attempt)
            body = Timed(self._run(attempt), attempt, self)
            task = asyncio.Task(body, loop=self._loop, name=attempt.launch.label, context=context)
            attempt.task = task
            task.add_done_callback(partial(self._ended, attempt))

    async def _run(self, attempt: Attempt) -> Report:
        attempt.began = time()
        return await self._attempts.run_async(attempt.launch)

    def _ended(self, attempt: Attempt, task: asyncio.Task[Report]) -> None:
        launch, now = attempt.launch, time()
        if task.cancelled():
            outcome = Failure(Cause.ERROR, "CancelledError: something in the event loop canceled it before it began")
            report = Report(launch.run, launch.task, launch.attempt, outcome, attempt.began or now, now)
        else:
            report = task.result()
        if attempt.canceled and type(report.outcome) is Failure:
            report.outcome = canceled()
        self._report(attempt, report)

    def _cancel(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            if attempt.task is not None:
                attempt.task.cancel()

    def _part(self, grace: float) -> None:
        if self._parting is None:
            self._parting = self._loop.create_task(self._cancel_all(grace))

    async def _cancel_all(self, grace: float) -> None:
        # What does not end in time is dropped, and nobody need be told again.
        self._loop.set_exception_handler(lambda loop, context: None)
        try:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=grace)
            await self._loop.shutdown_asyncgens()
        finally:
            self._over = True
            self._loop.stop()


class Timed(Coroutine[Any, Any, Any]):
    """A coroutine each of whose steps, from one `await` to the next, is seen by the loop while it lasts."""

    __slots__ = ("_attempt", "_inner", "_loop")

    def __init__(self, inner: Coroutine[Any, Any, Any], attempt: Attempt, loop: LoopThread) -> None:
        self._inner = inner
        self._attempt = attempt
        self._loop = loop

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()

    def _step(self, go_on: Callable[..., Any], *arguments: Any) -> Any:
        loop, began = self._loop, monotonic()
        loop.step = Step(self._attempt, began)
        try:
            return go_on(*arguments)
        finally:
            loop.step = None
            if (seconds := monotonic() - began) > BLOCKED_SECONDS:
                loop.blame(self._attempt, seconds)


def place(frame: FrameType | None) -> str:
    """Where the coroutine is whose step ends, in its stack, in this frame."""
    found = None
    while frame is not None and not frame.f_globals.get("__name__", "").startswith(OURS):
        found, frame = frame, frame.f_back
    return "" if found is None else f" (now in {found.f_code.co_filename}:{found.f_lineno})"


def canceled() -> Failure:
    return Failure(Cause.CANCELED, "was canceled", retryable=False)
