"""The waiting room: the executor of tasks that have no body, only something to wait for."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from typing import Any

import msgspec

from manyhands.codecs.kit import Kit
from manyhands.model.errors import CallError
from manyhands.model.outcomes import AttemptKey, Failure, Launch, Outcome, Report, Value, key_of
from manyhands.model.specs import SIGNAL, TIMER, WAIT, WAITING_ROOM, TaskSpec, Waiting
from manyhands.model.states import Cause
from manyhands.model.values import Encoded
from manyhands.ports.clock import Clock

ENDLESS = 1 << 40
"""Slots: any number of tasks may wait at once, they cost a few bytes each."""

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
        self._due: list[tuple[float, AttemptKey]] = []
        self._signals: dict[tuple[int, str], OrderedDict[AttemptKey, None]] = {}
        self._late: dict[int, dict[AttemptKey, None]] = {}
        self._gatherers: dict[int, dict[AttemptKey, bool]] = {}
        self._waits: dict[AttemptKey, tuple[Waiting, float]] = {}
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

    def take(self, run: int, key: str, at: float) -> tuple[AttemptKey, float] | None:
        """The task of this run that has waited longest for the signal that came at this time, and since when; it is
        expected to be given it now. Those whose time was up before wait for it no more."""
        for attempt in self._signals.get((run, key), ()):
            waiting, began = self._waits[attempt]
            if waiting.until is None or at <= waiting.until:
                self._leave(attempt)
                return attempt, began
        return None

    def late(self, run: int) -> list[tuple[AttemptKey, Outcome, float]]:
        """Tasks of this run whose time was up before the signal came that they waited for, with what they come to and
        since when they waited; asked after what has come was taken."""
        found: list[tuple[AttemptKey, Outcome, float]] = []
        for attempt in self._late.pop(run, {}):
            waiting, began = self._waits[attempt]
            self._leave(attempt)
            message = f"waited in vain for the signal '{waiting.key}'"
            found.append((attempt, Failure(Cause.TIMEOUT, message, retryable=False), began))
        return found

    def gatherers(self, run: int) -> dict[AttemptKey, bool]:
        """Attempts of this run that have begun to gather since this was last asked, and, as True, those whose time is
        up."""
        return self._gatherers.pop(run, {})

    def gathering(self, attempt: AttemptKey) -> Waiting | None:
        """What the attempt gathers, while it does."""
        found = self._waits.get(attempt)
        return None if found is None else found[0]

    def leave(self, attempt: AttemptKey) -> float:
        """The attempt need wait no more; returns when it began to."""
        found = self._leave(attempt)
        return self._clock.now() if found is None else found[1]

    def _leave(self, attempt: AttemptKey) -> tuple[Waiting, float] | None:
        """Nothing of the attempt stays, but perhaps its time: of times, half at most are of those that have left."""
        found = self._waits.pop(attempt, None)
        if found is None:
            return None
        _strike(self._signals, (attempt[0], found[0].key), attempt)
        _strike(self._late, attempt[0], attempt)
        _strike(self._gatherers, attempt[0], attempt)
        if len(self._due) > 2 * len(self._waits):
            self._due = [due for due in self._due if due[1] in self._waits]
            heapq.heapify(self._due)
        return found

    # --- as an executor --------------------------------------------------------------------------------------------

    def start(self, launches: Sequence[Launch]) -> None:
        now = self._clock.now()
        for launch in launches:
            waiting = _decoder.decode(launch.payload)
            attempt = key_of(launch)
            self._waits[attempt] = (waiting, now)
            if waiting.until is not None:
                heapq.heappush(self._due, (waiting.until, attempt))
            if waiting.kind == SIGNAL:
                self._signals.setdefault((launch.run, waiting.key), OrderedDict())[attempt] = None
            if waiting.kind == WAIT:
                self._gatherers.setdefault(launch.run, {})[attempt] = False
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
                self._gatherers.setdefault(attempt[0], {})[attempt] = True  # what is there by now is its result
                self.listening.add(attempt[0])
            elif waiting.kind == SIGNAL:
                self._late.setdefault(attempt[0], {})[attempt] = None  # what has come by now may be for it
                self.listening.add(attempt[0])
            else:
                self._leave(attempt)
                nothing = Value(self._kit.values.encode(None, "nothing"))
                self._reports.append(Report(*attempt, nothing, began, now, self.name))
        reports, self._reports = self._reports, []
        return reports

    def fileno(self) -> int | None:
        return None

    def deadline(self) -> float | None:
        if not self._due:
            return None
        return self._clock.monotonic() + (self._due[0][0] - self._clock.now())

    def began(self, attempt: AttemptKey) -> float | None:
        found = self._waits.get(attempt)
        return None if found is None else found[1]

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        now = self._clock.now()
        for attempt in attempts:
            found = self._leave(attempt)
            if found is not None:
                outcome = Failure(Cause.CANCELED, "was canceled while it waited", retryable=False)
                self._reports.append(Report(*attempt, outcome, found[1], now, self.name))

    def close(self) -> None:
        self._waits.clear()
        self._due.clear()
        self._signals.clear()
        self._late.clear()
        self._gatherers.clear()
        self._reports.clear()


def _strike(lines: dict[Any, Any], key: object, attempt: AttemptKey) -> None:
    """Take the attempt out of the line, and away a line in which nobody is left."""
    line: MutableMapping[AttemptKey, Any] | None = lines.get(key)
    if line is not None:
        line.pop(attempt, None)
        if not line:
            del lines[key]


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
