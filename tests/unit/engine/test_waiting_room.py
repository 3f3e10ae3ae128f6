"""The waiting room: who is given a signal, when a time has come, and what is left of a wait after a resume."""

from typing import Any

import msgspec
import pytest

from manyhands.codecs.kit import Kit
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.model.errors import CallError
from manyhands.model.outcomes import Failure, Launch, Report, Value
from manyhands.model.specs import SIGNAL, TIMER, WAIT, TaskSpec, Waiting
from manyhands.model.states import Cause
from manyhands.stores.blobs import MemoryBlobs
from tests.unit.engine.test_loops import MovableClock

NOW = 1000.0


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def kit() -> Kit:
    return Kit(MemoryBlobs())


@pytest.fixture
def room(kit: Kit, clock: MovableClock) -> WaitingRoom:
    return WaitingRoom(kit, clock)


def begin(room: WaitingRoom, waiting: Waiting, task: int = 0, *, run: int = 1, attempt: int = 1) -> None:
    room.start([Launch(run, task, attempt, "", msgspec.msgpack.encode(waiting), 1, "a wait")])


def spec(kit: Kit, kind: str, *args: Any, **kwargs: Any) -> TaskSpec:
    return TaskSpec("w", "workflow.w", "", kit.calls.encode(args, kwargs, lambda _: None, "it"), kind=kind)


def taken(room: WaitingRoom, run: int, key: str, at: float = NOW) -> tuple[int, int, int] | None:
    """Who is given a signal that came at this time."""
    found = room.take(run, key, at)
    return None if found is None else found[0]


def late(room: WaitingRoom, run: int) -> list[tuple[int, int, int]]:
    return [attempt for attempt, _, _ in room.late(run)]


def reported(reports: list[Report]) -> list[tuple[int, int, int]]:
    return [(report.run, report.task, report.attempt) for report in reports]


# --- what is waited for ---------------------------------------------------------------------------------------------


def test_a_time_is_fixed_when_the_wait_begins(room: WaitingRoom, kit: Kit) -> None:
    assert room.waiting(spec(kit, TIMER, 5), [], None, NOW).until == NOW + 5
    assert room.waiting(spec(kit, TIMER, until=77.5), [], None, NOW).until == 77.5
    for given in (spec(kit, TIMER, 5), spec(kit, TIMER, until=77.5)):
        assert room.waiting(given, [], 1003.0, NOW + 900).until == 1003.0, "a resume waits for the rest only"


@pytest.mark.parametrize("kind", [SIGNAL, WAIT])
def test_a_time_out_is_fixed_when_the_wait_begins(room: WaitingRoom, kit: Kit, kind: str) -> None:
    first: Any = "key" if kind == SIGNAL else 2
    assert room.waiting(spec(kit, kind, first), [], None, NOW).until is None
    limited = spec(kit, kind, first, timeout=5)
    assert room.waiting(limited, [], None, NOW).until == NOW + 5
    assert room.waiting(limited, [], 1003.0, NOW + 900).until == 1003.0


def test_what_a_step_waits_for_may_be_a_result(room: WaitingRoom, kit: Kit) -> None:
    """Of another step: it is known when the wait begins."""
    place = object()
    inputs = kit.calls.encode((place,), {}, lambda value: 0 if value is place else None, "it")
    seconds, key = kit.values.encode(7, "a result"), kit.values.encode("the key", "a result")
    assert room.waiting(TaskSpec("w", "w", "", inputs, kind=TIMER), [seconds], None, NOW).until == NOW + 7
    assert room.waiting(TaskSpec("w", "w", "", inputs, kind=SIGNAL), [key], None, NOW).key == "the key"


@pytest.mark.parametrize("seconds", ["5", None, True, float("nan"), [5]])
def test_what_is_no_time_is_refused(room: WaitingRoom, kit: Kit, seconds: Any) -> None:
    with pytest.raises(CallError, match=r"workflow\.w takes a number of seconds"):
        room.waiting(spec(kit, TIMER, seconds), [], None, NOW)


# --- time -----------------------------------------------------------------------------------------------------------


def test_timers_ring_in_their_order(room: WaitingRoom, clock: MovableClock, kit: Kit) -> None:
    assert room.deadline() is None
    for task, until in enumerate([NOW + 3, NOW + 1, NOW + 2, NOW - 50]):
        begin(room, Waiting(TIMER, until), task)
    [past] = room.poll()
    assert (past.task, past.started, past.ended) == (3, NOW, NOW)
    assert isinstance(past.outcome, Value)
    assert kit.values.decode(past.outcome.value, "it") is None
    assert room.deadline() == NOW + 1
    assert room.began((1, 0, 1)) == NOW
    clock.time = NOW + 2
    assert reported(room.poll()) == [(1, 1, 1), (1, 2, 1)]
    assert room.poll() == []
    clock.time = NOW + 1e9
    assert reported(room.poll()) == [(1, 0, 1)]
    assert (room.deadline(), room.began((1, 0, 1)), room.backlog()) == (None, None, 0)


def test_the_deadline_is_told_by_the_clock_that_never_goes_back(room: WaitingRoom, clock: MovableClock) -> None:
    clock.monotonic = lambda: 7.0  # type: ignore[method-assign]
    begin(room, Waiting(TIMER, NOW + 5))
    assert room.deadline() == 12.0


# --- signals --------------------------------------------------------------------------------------------------------


def test_who_has_waited_longest_is_given_the_signal(room: WaitingRoom) -> None:
    for task, run, key in ((0, 1, "a"), (1, 1, "a"), (2, 1, "b"), (3, 2, "a")):
        begin(room, Waiting(SIGNAL, None, key), task, run=run)
    assert room.listening == {1, 2}
    assert [taken(room, 1, "a"), taken(room, 1, "a"), taken(room, 1, "a")] == [(1, 0, 1), (1, 1, 1), None]
    assert taken(room, 1, "nobody's") is None
    assert [taken(room, 2, "b"), taken(room, 2, "a")] == [None, (2, 3, 1)]
    assert taken(room, 1, "b") == (1, 2, 1)
    assert room.poll() == [], "who took it reports"


def test_a_wait_that_was_given_up_is_passed_over(room: WaitingRoom, clock: MovableClock) -> None:
    for task in range(3):
        begin(room, Waiting(SIGNAL, NOW + 5 if task == 0 else None, "a"), task)
    room.cancel([(1, 1, 1)], 0.0)
    clock.time = NOW + 5
    assert reported(room.poll()) == [(1, 1, 1)]
    assert taken(room, 1, "a", NOW + 6) == (1, 2, 1)
    assert late(room, 1) == [(1, 0, 1)]


@pytest.mark.parametrize("end", ["canceled", "late", "given"])
def test_nothing_is_left_of_a_wait_that_is_over(room: WaitingRoom, clock: MovableClock, end: str) -> None:
    """A thousand runs whose signal never came, or came in time."""
    empty = held(room)
    for run in range(1000):
        begin(room, Waiting(SIGNAL, NOW + 3600, "a"), run=run)
        begin(room, Waiting(WAIT, NOW + 3600, "", [3], 1), 1, run=run)
    if end == "late":
        clock.time = NOW + 3600
        assert room.poll() == []
        assert [late(room, run) for run in range(1000)] == [[(run, 0, 1)] for run in range(1000)]
    for run in range(1000):
        if end == "given":
            assert taken(room, run, "a") == (run, 0, 1)
        room.cancel([(run, 0, 1)], 0.0)
        room.leave((run, 1, 1))
    room.poll()
    room.listening = set()
    assert held(room) == empty
    assert room.deadline() is None


def held(room: WaitingRoom) -> dict[str, int]:
    """How much the room holds of anything."""
    return {name: len(value) for name, value in vars(room).items() if isinstance(value, (list, dict, set))}


def test_the_time_of_one_is_kept_while_others_leave(room: WaitingRoom, clock: MovableClock) -> None:
    """In its order, whoever goes before or after it."""
    for task in range(100):
        begin(room, Waiting(TIMER, NOW + 1 + task * 37 % 100), task)
    room.cancel([(1, task, 1) for task in range(100) if task % 10], 0.0)
    room.poll()
    assert room.deadline() == NOW + 1
    clock.time = NOW + 101
    assert reported(room.poll()) == [(1, task, 1) for task in sorted(range(0, 100, 10), key=lambda n: n * 37 % 100)]


def test_a_signal_that_does_not_come_in_time(room: WaitingRoom, clock: MovableClock) -> None:
    begin(room, Waiting(SIGNAL, NOW + 5, "the key"))
    assert room.poll() == []
    clock.time = NOW + 6
    room.listening = set()
    assert (room.poll(), room.listening) == ([], {1}), "what has come by now may have come in time"
    [(attempt, outcome, began)] = room.late(1)
    assert (attempt, began) == ((1, 0, 1), NOW)
    assert isinstance(outcome, Failure)
    assert (outcome.cause, outcome.retryable) == (Cause.TIMEOUT, False)
    assert "'the key'" in outcome.message
    assert (late(room, 1), taken(room, 1, "the key")) == ([], None)


def test_a_signal_that_came_in_time_and_is_seen_late(room: WaitingRoom, clock: MovableClock) -> None:
    for task in range(2):
        begin(room, Waiting(SIGNAL, NOW + 5, "a"), task)
    begin(room, Waiting(SIGNAL, NOW + 7, "a"), 2)
    clock.time = NOW + 6
    room.poll()
    assert [taken(room, 1, "a", NOW + 5), taken(room, 1, "a", NOW + 5.5)] == [(1, 0, 1), (1, 2, 1)]
    assert late(room, 1) == [(1, 1, 1)]


def test_one_that_was_given_its_signal_has_no_time_out(room: WaitingRoom, clock: MovableClock) -> None:
    begin(room, Waiting(SIGNAL, NOW + 5, "a"))
    assert taken(room, 1, "a") == (1, 0, 1)
    clock.time = NOW + 6
    assert room.poll() == []


# --- some of several ------------------------------------------------------------------------------------------------


def test_a_gathering_lasts_until_somebody_ends_it(room: WaitingRoom, clock: MovableClock) -> None:
    wait = Waiting(WAIT, NOW + 5, "", [3, 4], 1)
    begin(room, wait)
    assert room.listening == {1}
    assert room.gatherers(1) == {(1, 0, 1): False}
    assert room.gatherers(1) == {}, "it was asked for"
    room.listening = set()
    assert room.gathering((1, 0, 1)) == wait
    clock.time = NOW + 5
    assert room.poll() == []
    assert room.listening == {1}, "the driver is to look what is there by now"
    assert room.gatherers(1) == {(1, 0, 1): True}
    assert room.gathering((1, 0, 1)) == wait
    assert room.leave((1, 0, 1)) == NOW
    assert room.gathering((1, 0, 1)) is None
    assert room.leave((1, 0, 1)) == clock.time


def test_a_timer_wants_no_looking(room: WaitingRoom) -> None:
    begin(room, Waiting(TIMER, NOW + 5))
    assert room.listening == set()


# --- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "waiting", [Waiting(TIMER, NOW + 5), Waiting(SIGNAL, None, "a"), Waiting(WAIT, None, "", [1], 1)]
)
def test_cancel(room: WaitingRoom, clock: MovableClock, waiting: Waiting) -> None:
    begin(room, waiting)
    begin(room, waiting, 1)
    room.cancel([(1, 0, 1), (1, 0, 2), (9, 9, 9)], 10.0)
    [report] = room.poll()
    assert reported([report]) == [(1, 0, 1)]
    assert isinstance(report.outcome, Failure)
    assert report.outcome.cause is Cause.CANCELED
    room.cancel([(1, 0, 1)], 10.0)
    assert room.poll() == []
    assert room.began((1, 1, 1)) == NOW


def test_a_later_attempt_is_another_wait(room: WaitingRoom, clock: MovableClock) -> None:
    begin(room, Waiting(TIMER, NOW + 5))
    room.cancel([(1, 0, 1)], 0.0)
    room.poll()
    begin(room, Waiting(TIMER, NOW + 6), attempt=2)
    clock.time = NOW + 5
    assert room.poll() == []
    clock.time = NOW + 6
    assert reported(room.poll()) == [(1, 0, 2)]


def test_close_forgets_all(room: WaitingRoom, clock: MovableClock) -> None:
    begin(room, Waiting(TIMER, NOW))
    begin(room, Waiting(SIGNAL, None, "a"), 1)
    room.close()
    clock.time = NOW + 5
    assert (room.poll(), taken(room, 1, "a"), room.deadline()) == ([], None, None)


def test_ten_thousand_at_once(room: WaitingRoom, clock: MovableClock) -> None:
    for task in range(10_000):
        begin(room, Waiting(SIGNAL, NOW + 1 + task, "a"), task)
    assert [taken(room, 1, "a") for _ in range(5_000)] == [(1, task, 1) for task in range(5_000)]
    clock.time = NOW + 20_000
    assert room.poll() == []
    assert late(room, 1) == [(1, task, 1) for task in range(5_000, 10_000)]
    assert room.slots > 10_000
