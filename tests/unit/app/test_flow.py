"""What a flow can do in `run`: stop, fail, schedules, loops over many turns."""

import datetime
import time
from collections.abc import Iterator
from typing import Any

import pytest

from manyhands.app.errors import AppExit, AppFail, CallPending
from manyhands.app.flow import Flow
from manyhands.app.schedule import ALIASES, next_moment
from tests.unit.app.doubles import Clock, Counting, EmptyFlow, changes, within


class Scheduled(Flow):
    def __init__(self, *patterns: str, **options: Any) -> None:
        super().__init__()
        self._patterns = patterns
        self._options = options
        self._seen: list[bool] = []

    def run(self) -> None:
        self._seen = [self.schedule(pattern, **self._options) for pattern in self._patterns]


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_schedule_is_on_at_first_and_then_for_one_turn_of_each_moment() -> None:
    clock = Clock(at("2024-05-01T12:00:30"))
    flow = Scheduled("* * * * *")
    within(flow, clock)
    seen = []
    for seconds in (0, 1, 28, 1, 0.5, 59, 0.4, 0.1):
        clock.now += seconds
        flow.run()
        seen.append(flow._seen[0])
    assert seen == [True, False, False, True, False, False, False, True]


def test_seconds_are_the_sixth_field() -> None:
    clock = Clock(at("2024-05-01T12:00:00"))
    flow = Scheduled("* * * * * 0,5")
    within(flow, clock)
    on = []
    for second in range(130):
        flow.run()
        if flow._seen[0]:
            on.append(second % 60)
        clock.now += 1
    assert on == [0, 5, 0, 5, 0, 5]


def test_missed_moments_are_not_made_up_for() -> None:
    clock = Clock(at("2024-05-01T12:00:30"))
    flow = Scheduled("* * * * *")
    within(flow, clock)
    flow.run()
    clock.now += 600
    seen = []
    for _ in range(5):
        flow.run()
        seen += flow._seen
        clock.now += 1
    assert seen == [True, False, False, False, False]


def test_a_schedule_is_on_for_the_whole_turn() -> None:
    class Asking(Flow):
        def __init__(self) -> None:
            super().__init__()
            self._seen: list[list[bool]] = []

        def run(self) -> None:
            self._seen.append([self.schedule("hourly") for _ in range(3)])

    clock = Clock(at("2024-05-01T12:59:59"))
    flow = Asking()
    within(flow, clock)
    for _ in range(3):
        flow.run()
        clock.now += 1
    assert flow._seen == [[True] * 3, [True] * 3, [False] * 3]


def test_each_line_and_each_pattern_has_a_schedule_of_its_own() -> None:
    flow = Scheduled(*ALIASES, "* * * * *")
    within(flow)
    flow.run()
    flow.run()
    assert len(flow._calls["scheduling"]) == len(ALIASES) + 1 == 8
    assert {entry["name"] for entry in flow._calls["scheduling"].values()} == {"root"}


def test_many_schedules_all_fire() -> None:
    clock = Clock(at("2024-05-01T12:00:00"))
    flow = Scheduled("* * * * * */2", "* * * * * */3", "* * * * * */5")
    within(flow, clock)
    fired = [0, 0, 0]
    for _ in range(61):
        flow.run()
        fired = [count + on for count, on in zip(fired, flow._seen, strict=True)]
        clock.now += 1
    assert fired == [31, 21, 13]


def test_keys_of_users_tell_schedules_of_one_line_apart() -> None:
    class Keyed(Flow):
        def run(self) -> None:
            for key in "abc":
                assert self.schedule("hourly", user_key=key)

    flow = Keyed()
    within(flow)
    flow.run()
    assert len(flow._calls["scheduling"]) == 3


def test_a_schedule_counts_from_its_start() -> None:
    clock = Clock(at("2024-05-01T12:00:00"))
    flow = Scheduled("daily", start_time=datetime.datetime(2024, 5, 3, 8))
    within(flow, clock)
    on = []
    for _ in range(24 * 4):
        flow.run()
        on += flow._seen
        clock.now += 3600
    assert [hour for hour, seen in enumerate(on) if seen] == [0, 60, 84]


def test_schedules_belong_to_the_state_and_survive() -> None:
    clock = Clock(at("2024-05-01T12:00:30"))
    first, second = Scheduled("* * * * *"), Scheduled("* * * * *")
    within(first, clock)
    within(second, clock)
    first.run()
    assert [operation[0] for operation in changes(first)["root"]] == [["calls", "scheduling"]]
    second._restore_(first._saved_())
    clock.now += 1
    second.run()
    assert second._seen == [False]
    clock.now += 60
    second.run()
    assert second._seen == [True]


@pytest.mark.parametrize("pattern", ["", "hourl", "* * * *", "61 * * * *", "* * * * * * *", 5, "0 0 31 2 *"])
def test_no_patterns(pattern: Any) -> None:
    flow = EmptyFlow()
    within(flow)
    with pytest.raises(ValueError, match="is no schedule"):
        flow.schedule(pattern)
    assert flow.state["calls"] == {"scheduling": {}} or flow.state["calls"] == {}


@pytest.mark.parametrize(
    ("pattern", "after", "expected"),
    [
        ("@hourly", "2024-05-01T12:00:00", "2024-05-01T13:00:00"),
        ("daily", "2024-05-01T12:00:00", "2024-05-02T00:00:00"),
        ("midnight", "2024-05-01T12:00:00", "2024-05-02T00:00:00"),
        ("weekly", "2024-05-01T12:00:00", "2024-05-05T00:00:00"),
        ("monthly", "2024-05-01T12:00:00", "2024-06-01T00:00:00"),
        ("yearly", "2024-05-01T12:00:00", "2025-01-01T00:00:00"),
        ("annually", "2024-05-01T12:00:00", "2025-01-01T00:00:00"),
        ("0 12 29 2 *", "2024-05-01T12:00:00", "2028-02-29T12:00:00"),
        ("* * * * * 30", "2024-05-01T12:00:30", "2024-05-01T12:01:30"),
    ],
)
def test_next_moments(pattern: str, after: str, expected: str) -> None:
    assert next_moment(pattern, at(after)) == at(expected)


def test_moments_rise_through_the_hour_that_comes_twice() -> None:
    moment = at("2024-10-27T01:30:00")
    seen = [moment]
    for _ in range(20):
        seen.append(next_moment("*/15 * * * *", seen[-1]))
    assert seen == sorted(set(seen))


# --- loops over many turns -------------------------------------------------------------------------------------------


class Looping(Flow):
    def __init__(self, run_once: bool = True) -> None:
        super().__init__()
        self._run_once = run_once
        self._interrupted = 2
        self._seen: list[int] = []

    def run(self) -> None:
        for item in self.experimental_iterate(range(4), run_once=self._run_once):
            if item == self._interrupted:
                raise CallPending
            self._seen.append(item)


@pytest.mark.parametrize(("run_once", "again"), [(True, []), (False, [0, 1, 2, 3])])
def test_a_loop_goes_on_where_it_was(run_once: bool, again: list[int]) -> None:
    first = Looping(run_once)
    within(first)
    for _ in range(2):
        with pytest.raises(CallPending):
            first.run()
    assert first._seen == [0, 1]
    second = Looping(run_once)
    within(second)
    second._restore_(first._saved_())
    second._interrupted = -1
    second.run()
    assert second._seen == [2, 3]
    second.run()
    assert second._seen == [2, 3, *again]


def test_loops_of_one_line_are_told_apart_by_keys() -> None:
    class Nested(Flow):
        def __init__(self) -> None:
            super().__init__()
            self._seen: list[Any] = []

        def run(self) -> None:
            for key in "ab":
                self._seen += [(key, item) for item in self.experimental_iterate([1, 2], user_key=key)]

    flow = Nested()
    flow.run()
    flow.run()
    assert flow._seen == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_loop_needs_something_to_go_through() -> None:
    with pytest.raises(TypeError, match="An iterable should be provided"):
        EmptyFlow().experimental_iterate(5)  # type: ignore[arg-type]


# --- the end ---------------------------------------------------------------------------------------------------------


def test_stop_and_fail_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    flow = EmptyFlow()
    with pytest.raises(AppExit, match="all done") as stopped:
        flow.stop("all done")
    assert not isinstance(stopped.value, AppFail)
    with pytest.raises(AppFail, match="no way"):
        flow.fail("no way")
    with pytest.raises(AppExit):
        flow.stop()
    assert capsys.readouterr().out == "all done\nno way\n"


def test_user_code_cannot_swallow_the_end_by_accident() -> None:
    class Careful(Flow):
        def run(self) -> None:
            try:
                self.stop()
            except Exception as error:
                raise AssertionError("swallowed") from error

    with pytest.raises(AppExit):
        Careful().run()


def test_a_flow_is_ready_when_those_below_are() -> None:
    class Late(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.up = False

        @property
        def ready(self) -> bool:
            return self.up

    class Parent(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.one = Late()
            self.two = [Late()]
            self.work = Counting()

    flow = Parent()
    assert not flow.ready
    flow.one.up = True
    assert not flow.ready
    flow.two[0].up = True
    assert flow.ready


def test_a_flow_that_counts_is_quick() -> None:
    """Not a time: the number of things that a turn looks at does not grow with what has not changed."""

    class Counter(Flow):
        def __init__(self, works: int) -> None:
            super().__init__()
            self.count = 0
            for number in range(works):
                setattr(self, f"work_{number}", Counting())

        def run(self) -> None:
            self.count += 1

    flow = Counter(50)
    within(flow)
    looked: list[str] = []

    class Watched(Counting):
        def _collect_(self) -> list[Any]:
            looked.append(self.name)
            return super()._collect_()

    flow.work_0.__class__ = Watched
    for _ in range(100):
        flow.run()
        assert changes(flow) == {"root": [[["vars", "count"], "set", flow.count]]}
    assert looked == []
