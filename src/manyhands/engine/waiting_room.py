"""The waiting room: the executor of tasks that have no body, only something to wait for."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

import msgspec

from manyhands.codecs.kit import Kit
from manyhands.model.errors import CallError
from manyhands.model.outcomes import Failure, Launch, Outcome, Report, Value
from manyhands.model.specs import SIGNAL, TIMER, WAIT, WAITING_ROOM, TaskSpec, Waiting
from manyhands.model.states import Cause
from manyhands.model.values import Encoded
from manyhands.ports.clock import Clock

ENDLESS = 1 << 40
"""Slots: any number of tasks may wait at once, they cost a few bytes each."""

Attempt = tuple[int, int, int]

_decoder = msgspec.msgpack.Decoder(Waiting)


class WaitingRoom:
    """Keeps timers by their time, and tasks that wait for signals by run and key, first come, first served.

    It does not look for signals itself, and does not know which tasks of a run are done: the driver tells.
    """

    name = WAITING_ROOM
    slots = ENDLESS

    def __init__(self, kit: Kit, clock: Clock) -> None:
        self._kit = kit
        self._clock = clock
        self._due: list[tuple[float, Attempt]] = []
        self._signals: dict[tuple[int, str], deque[Attempt]] = {}
        self._waits: dict[Attempt, tuple[Waiting, float]] = {}
        self._reports: list[Report] = []
        self.listening: set[int] = set()
        """Runs in which a task has begun to wait for a signal, or to gather others; the driver looks and clears it."""

    # --- as the dispatcher asks it ---------------------------------------------------------------------------------

    def waiting(self, spec: TaskSpec, results: list[Encoded], due_at: float | None, now: float) -> Waiting:
        """What a task of these kinds waits for. `due_at`: the time that was fixed when it first began.

        Errors: `CallError` for something that is no time or no key.
        """
        what = spec.label
        values = [self._kit.values.decode(result, what) for result in results] if spec.kind != WAIT else []
        args, kwargs = self._kit.calls.decode(spec.inputs, values, what)
        if spec.kind == TIMER:
            when = _seconds(what, kwargs["until"]) if "until" in kwargs else now + _seconds(what, args[0])
            return Waiting(TIMER, when if due_at is None else due_at)
        timeout = kwargs.get("timeout")
        until = due_at
        if until is None and timeout is not None:
            until = now + _seconds(what, timeout)
        if spec.kind == SIGNAL:
            return Waiting(SIGNAL, until, _key(what, args[0]))
        return Waiting(WAIT, until, "", [], int(args[0]))

    def take(self, run: int, key: str) -> Attempt | None:
        """The task of this run that has waited longest for the signal; it is expected to be given it now."""
        line = self._signals.get((run, key))
        while line:
            attempt = line.popleft()
            if self._waits.pop(attempt, None) is not None:
                return attempt
        self._signals.pop((run, key), None)
        return None

    def gathering(self, attempt: Attempt) -> Waiting | None:
        """What the attempt gathers, while it does."""
        found = self._waits.get(attempt)
        return None if found is None else found[0]

    def leave(self, attempt: Attempt) -> float:
        """The attempt need wait no more; returns when it began to."""
        found = self._waits.pop(attempt, None)
        return self._clock.now() if found is None else found[1]

    # --- as an executor --------------------------------------------------------------------------------------------

    def start(self, launches: Sequence[Launch]) -> None:
        now = self._clock.now()
        for launch in launches:
            waiting = _decoder.decode(launch.payload)
            attempt = (launch.run, launch.task, launch.attempt)
            self._waits[attempt] = (waiting, now)
            if waiting.until is not None:
                heapq.heappush(self._due, (waiting.until, attempt))
            if waiting.kind == SIGNAL:
                self._signals.setdefault((launch.run, waiting.key), deque()).append(attempt)
            if waiting.kind != TIMER:
                self.listening.add(launch.run)

    def backlog(self) -> int:
        return 0

    def poll(self) -> list[Report]:
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, attempt = heapq.heappop(self._due)
            found = self._waits.get(attempt)
            if found is None:
                continue
            waiting, began = found
            if waiting.kind == WAIT:
                self.listening.add(attempt[0])  # what is there by now is its result
                continue
            del self._waits[attempt]
            self._reports.append(Report(*attempt, self._when_due(waiting), began, now, self.name))
        reports, self._reports = self._reports, []
        return reports

    def _when_due(self, waiting: Waiting) -> Outcome:
        if waiting.kind == TIMER:
            return Value(self._kit.values.encode(None, "nothing"))
        return Failure(Cause.TIMEOUT, f"waited in vain for the signal '{waiting.key}'", retryable=False)

    def fileno(self) -> int | None:
        return None

    def deadline(self) -> float | None:
        if not self._due:
            return None
        return self._clock.monotonic() + (self._due[0][0] - self._clock.now())

    def began(self, attempt: Attempt) -> float | None:
        found = self._waits.get(attempt)
        return None if found is None else found[1]

    def cancel(self, attempts: Sequence[Attempt], grace: float) -> None:
        now = self._clock.now()
        for attempt in attempts:
            found = self._waits.pop(attempt, None)
            if found is not None:
                outcome = Failure(Cause.CANCELED, "was canceled while it waited", retryable=False)
                self._reports.append(Report(*attempt, outcome, found[1], now, self.name))

    def close(self) -> None:
        self._waits.clear()
        self._due.clear()
        self._signals.clear()
        self._reports.clear()


def _seconds(what: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        try:
            return float(value)
        except OverflowError:
            raise CallError(f"{what} takes a number of seconds that a float can hold.") from None
    raise CallError(f"{what} takes a number of seconds, not {value!r}.")


def _key(what: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise CallError(f"{what} takes the key of a signal, which is text, not {value!r}.")
