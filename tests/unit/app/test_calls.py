"""What `work.run(...)` does outside an app and within one, and what a work knows of its calls."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from manyhands.app.call_key import short_key
from manyhands.app.calls import Decision, decide
from manyhands.app.errors import CallPending
from manyhands.app.flow import Flow
from manyhands.app.history import LONGEST, START_KEY
from manyhands.app.status import WorkStatus, make_status
from manyhands.app.work import Work
from manyhands.model.errors import FingerprintError
from tests.unit.app.doubles import Clock, Counting, Holding, changes, latest_key, tell, within

FLAGS = ["has_started", "has_stopped", "has_succeeded", "has_failed", "has_timeout", "is_running", "is_pending"]


def flags(work: Work) -> list[str]:
    return [flag for flag in FLAGS if getattr(work, flag)]


def turn(flow: Flow, *args: Any, **kwargs: Any) -> bool:
    """Call the flow's work once; whether the flow went on."""
    try:
        flow.work.run(*args, **kwargs)  # type: ignore[attr-defined]
    except CallPending:
        return False
    return True


# --- the decision ----------------------------------------------------------------------------------------------------

PENDING = {"statuses": [{"stage": "pending", "timestamp": 1.0}]}
DONE = {**PENDING, "ret": None}


@pytest.mark.parametrize(
    ("entry", "cache_calls", "restarting", "expected"),
    [
        (None, True, False, Decision.SEND),
        (None, False, False, Decision.SEND),
        (PENDING, True, False, Decision.WAIT),
        (PENDING, False, False, Decision.WAIT),
        (PENDING, True, True, Decision.SEND),
        (DONE, True, False, Decision.RETURN),
        (DONE, True, True, Decision.RETURN),
        (DONE, False, False, Decision.AGAIN),
    ],
)
def test_the_decision(entry: Any, cache_calls: bool, restarting: bool, expected: Decision) -> None:
    assert decide(entry, cache_calls, restarting) is expected
    assert expected.sends is (expected in (Decision.SEND, Decision.AGAIN))


# --- outside an app --------------------------------------------------------------------------------------------------


def test_a_direct_run_is_kept() -> None:
    work = Counting()
    work.run(1, [2], (3, 4), {"1": "3"})
    assert work._calls == {"latest_call_hash": None, "0d824f7": {"ret": None}}
    work.run(1, [2], (3, 4), {"1": "3"})
    assert work.counter == 1
    assert work.num_successes == 1


def test_a_direct_run_returns_what_it_returned() -> None:
    class Adding(Counting):
        def run(self, value: int) -> int:  # type: ignore[override]
            self.counter += 1
            return value + 1

    work = Adding()
    assert [work.run(1), work.run(1), work.run(2)] == [2, 2, 3]
    assert work.counter == 2


def test_five_turns_of_a_flow_without_app() -> None:
    class Two(Flow):
        def __init__(self) -> None:
            super().__init__()
            self.cached = Counting(cache_calls=True)
            self.uncached = Counting(cache_calls=False)

        def run(self) -> None:
            self.cached.run()
            self.uncached.run()

    flow = Two()
    for _ in range(5):
        flow.run()
    works = flow.state["works"]
    assert works["cached"]["vars"]["counter"] == 1
    assert works["cached"]["calls"] == {"latest_call_hash": None, "fe3fa0f": {"ret": None}}
    assert works["uncached"]["vars"]["counter"] == 5
    assert works["uncached"]["calls"] == {"latest_call_hash": None}


@pytest.mark.parametrize(("cache_calls", "expected"), [(True, [1, 10]), (False, [1, 1, 1, 1, 1, 10])])
def test_the_caching_example(cache_calls: bool, expected: list[int]) -> None:
    seen = []

    class Example(Work):
        def run(self, value: int) -> None:
            seen.append(value)

    work = Example(cache_calls=cache_calls)
    for value in (1, 1, 1, 1, 1, 10):
        work.run(value=value)
    assert seen == expected


def test_a_run_that_raises_is_not_kept() -> None:
    class Failing(Work):
        def run(self) -> None:
            raise KeyError("no")

    work = Failing()
    for _ in range(2):
        with pytest.raises(KeyError):
            work.run()
    assert work._calls == {"latest_call_hash": None}


def test_run_of_a_base_class_is_its_body() -> None:
    class Twice(Counting):
        def run(self) -> None:  # type: ignore[override]
            super().run()
            super().run()

    work = Twice()
    work.run()
    assert work.counter == 2


def test_run_once_is_the_old_name() -> None:
    with pytest.warns(DeprecationWarning, match="cache_calls"):
        assert Counting(run_once=False).cache_calls is False
    with pytest.warns(DeprecationWarning):
        assert Counting(cache_calls=False, run_once=True).cache_calls is True


def test_arguments_without_identity_are_refused() -> None:
    with pytest.raises(FingerprintError, match="Pass a plain value"):
        Counting().run(object())
    flow = Holding()
    desk = within(flow)
    with pytest.raises(FingerprintError):
        flow.work.run(lock=object())
    assert desk.asked == []
    assert flow.work._calls == {"latest_call_hash": None}


# --- within an app ---------------------------------------------------------------------------------------------------


def test_a_fresh_work() -> None:
    before = time.time()
    work = Counting()
    assert work.status.stage == "not_started"
    assert before <= work.status.timestamp <= time.time()
    assert work.status == work.status
    assert work.statuses == []
    assert flags(work) == []
    assert (work.num_successes, work.num_timeouts) == (0, 0)


def test_a_call_goes_to_the_desk_once_and_unwinds_the_flow() -> None:
    flow, clock = Holding(), Clock()
    desk = within(flow, clock)
    assert not turn(flow, 1, a=2)
    assert not turn(flow, 1, a=2)
    key = short_key((1,), {"a": 2})
    assert desk.asked == [("submit", "root.work", key, (1,), {"a": 2})]
    assert flow.work.statuses == [WorkStatus("pending", clock.now)]
    assert flow.work._calls["latest_call_hash"] == key
    assert flags(flow.work) == ["has_started", "is_pending"]
    tell(flow.work, key, "running", "succeeded")
    assert turn(flow, 1, a=2)
    assert len(desk.asked) == 1
    assert flow.work._calls[key]["ret"] is None


def test_a_parallel_call_lets_the_flow_go_on() -> None:
    flow = Holding(parallel=True)
    desk = within(flow)
    assert turn(flow)
    assert turn(flow)
    assert len(desk.asked) == 1


@pytest.mark.parametrize("parallel", [True, False])
def test_without_cache_a_call_is_made_again_when_it_has_succeeded(parallel: bool) -> None:
    flow = Holding(cache_calls=False, parallel=parallel)
    desk = within(flow)
    for time_of_run in range(3):
        assert turn(flow) is parallel
        assert turn(flow) is parallel
        assert len(desk.asked) == time_of_run + 1
        assert "ret" not in flow.work._calls["fe3fa0f"]
        tell(flow.work, "fe3fa0f", "running", "succeeded", at=1_700_000_001.0 + time_of_run * 10)
    assert flow.work.num_successes == 3


@pytest.mark.parametrize("cache_calls", [True, False])
def test_a_failed_call_is_not_made_again_but_others_are(cache_calls: bool) -> None:
    flow = Holding(cache_calls=cache_calls, parallel=True)
    desk = within(flow)
    turn(flow, 1)
    tell(flow.work, latest_key(desk), "running", "failed", reason="user_exception", message="no")
    turn(flow, 1)
    assert len(desk.asked) == 1
    assert flow.work.status.message == "no"
    assert flags(flow.work) == ["has_started", "has_failed"]
    turn(flow, 2)
    assert len(desk.asked) == 2


def test_the_first_seed_stage_by_stage() -> None:
    flow, clock = Holding(raise_exception=False), Clock()
    desk = within(flow, clock)
    seen = [flow.work.status.stage]

    def look(value: int) -> bool:
        went_on = turn(flow, value)
        seen.append(flow.work.status.stage)
        return went_on

    assert not look(0)
    key = latest_key(desk)
    for stage in ("running", "succeeded"):
        clock.now += 1
        flow.work._record_(key, make_status(stage, timestamp=clock.now))
        went_on = look(0)
    assert went_on
    clock.now += 0.5
    assert not look(1)
    assert seen[-1] == "succeeded"  # the second call's pending is hidden
    hidden = flow.work.statuses
    assert [status.stage for status in hidden] == ["pending", "running", "succeeded"]
    key = latest_key(desk)
    clock.now += 1
    flow.work._record_(key, make_status("running", timestamp=clock.now))
    assert not look(1)
    assert [status.stage for status in flow.work.statuses] == ["pending", "running"]
    assert hidden[-1].timestamp < flow.work.statuses[0].timestamp < flow.work.statuses[1].timestamp
    clock.now += 1
    flow.work._record_(key, make_status("failed", "The provided value was 1", "user_exception", clock.now))
    assert not look(1)
    collapsed = [stage for stage, before in zip(seen, [None, *seen], strict=False) if stage != before]
    assert collapsed == ["not_started", "pending", "running", "succeeded", "running", "failed"]
    assert repr(flow.work.status) == (
        f"WorkStatus(stage='failed', timestamp={clock.now}, reason='user_exception', "
        "message='The provided value was 1', count=1)"
    )


def test_a_history_is_in_order_and_says_nothing_twice() -> None:
    flow = Holding()
    desk = within(flow)
    turn(flow)
    key = latest_key(desk)
    late, early = make_status("succeeded", timestamp=1_700_000_009.0), make_status("running", timestamp=1_700_000_005.0)
    for record in (late, early, dict(late), dict(early)):
        flow.work._record_(key, record)
    assert [status.stage for status in flow.work.statuses] == ["pending", "running", "succeeded"]
    stamps = [status.timestamp for status in flow.work.statuses]
    assert stamps == sorted(stamps)
    assert [status.timestamp for status in flow.work.statuses] == stamps


@pytest.mark.parametrize("calls", [((1, 2), (2, 1)), ((1,), (1.0,), (True,), ("1",)), (([1, 2],), ([2, 1],))])
def test_each_call_has_a_history_of_its_own(calls: tuple[Any, ...]) -> None:
    flow = Holding(parallel=True)
    desk = within(flow)
    for args in calls:
        turn(flow, *args)
    assert [asked[3] for asked in desk.asked] == list(calls)
    keys = [asked[2] for asked in desk.asked]
    assert len(set(keys)) == len(calls)
    assert len({flow.work._prints_[key] for key in keys}) == len(calls)
    tell(flow.work, keys[-1], "running", "succeeded")
    assert [len(flow.work._calls[key]["statuses"]) for key in keys] == [1] * (len(calls) - 1) + [3]
    for args in calls:
        turn(flow, *args)
    assert len(desk.asked) == len(calls)


def test_keywords_and_positions_are_two_calls() -> None:
    flow = Holding(parallel=True)
    desk = within(flow)
    turn(flow, a=1, b=2)
    turn(flow, b=2, a=1)
    turn(flow, 1, b=2)
    assert len(desk.asked) == 2


def test_time_outs_are_counted() -> None:
    flow = Holding()
    desk = within(flow)
    turn(flow)
    key = latest_key(desk)
    first = flow.work.status.timestamp
    tell(flow.work, key, "failed", reason="timeout")
    assert (flow.work.has_timeout, flow.work.num_timeouts, flow.work.has_failed) == (True, 1, True)
    tell(flow.work, key, "pending", "failed", at=1_700_000_010.0, reason="timeout")
    assert flow.work.num_timeouts == flow.work.status.count == 2
    assert flow.work.status.timestamp == first
    assert len(flow.work.statuses) == 4
    tell(flow.work, key, "succeeded", at=1_700_000_020.0)
    assert flow.work.num_timeouts == 0
    tell(flow.work, key, "pending", "failed", at=1_700_000_030.0, reason="timeout")
    assert (flow.work.num_timeouts, flow.work.status.timestamp) == (1, 1_700_000_030.0)


def test_the_state_stays_small() -> None:
    flow = Holding(parallel=True)
    desk = within(flow)
    for value in range(20):
        turn(flow, value)
        tell(flow.work, latest_key(desk), "running", "succeeded", at=1_700_000_001.0 + value * 10)
    assert len(json.dumps(flow.state)) < 26_500
    changes(flow)
    turn(flow, 20)
    found = changes(flow)["root.work"]
    assert [operation[0] for operation in found] == [["calls", latest_key(desk)]]


def test_a_call_that_is_made_for_ever_keeps_a_bounded_history() -> None:
    flow = Holding(cache_calls=False, parallel=True)
    within(flow)
    for number in range(3 * LONGEST):
        turn(flow)
        tell(flow.work, "fe3fa0f", "running", "succeeded", at=1_700_000_001.0 + number * 10)
    assert len(flow.work.statuses) <= LONGEST
    assert flow.work.num_successes == 3 * LONGEST
    assert flow.work.has_succeeded


@pytest.mark.parametrize("timestamp", [0, -1.0, 1e12])
def test_a_status_has_a_sensible_time(timestamp: float) -> None:
    with pytest.raises(ValueError, match="seconds since 1970"):
        WorkStatus("pending", timestamp)


def test_make_status_leaves_out_what_is_not_there() -> None:
    assert set(make_status("running")) == {"stage", "timestamp"}
    assert make_status("failed", "m", "r", 1.5) == {"stage": "failed", "timestamp": 1.5, "message": "m", "reason": "r"}


def test_an_existing_path_as_argument_gets_a_warning(tmp_path: Any) -> None:
    flow = Holding(parallel=True)
    within(flow)
    with pytest.warns(UserWarning, match=r"Consider wrapping it in a `manyhands.app.Path`"):
        flow.work.run(["a", {"b": str(tmp_path)}])
    with pytest.warns(UserWarning, match="is a path of something that exists"):
        flow.work.run(tmp_path)
    flow.work.run(["a", {"b": str(tmp_path)}])
    flow.work.run(str(tmp_path / "missing"))
    flow.work.run("")
    flow.work.run("\0")


# --- start, stop, delete ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("cache_calls", [True, False])
def test_start_run_stop(cache_calls: bool, parallel: bool) -> None:
    flow = Holding(cache_calls=cache_calls, parallel=parallel)
    desk = within(flow)
    flow.work.start()
    flow.work.start()
    assert desk.asked == [("start", "root.work", START_KEY)]
    assert flags(flow.work) == ["has_started", "is_pending"]
    tell(flow.work, START_KEY, "started")
    assert flow.work.status.stage == "started"
    turn(flow)
    assert flow.work.status.stage == "started"
    tell(flow.work, "fe3fa0f", "running", "succeeded", at=1_700_000_010.0)
    assert flow.work.has_succeeded
    flow.work.stop()
    flow.work.stop()
    assert desk.asked[-1] == ("stop", "root.work")
    assert [asked[0] for asked in desk.asked].count("stop") == 1
    with pytest.raises(RuntimeError, match="A work can be started only once for now"):
        flow.work.start()


def test_stop_is_seen_and_takes_no_new_calls() -> None:
    flow, clock = Holding(parallel=True), Clock()
    desk = within(flow, clock)
    turn(flow, 1)
    clock.now += 1
    flow.work.stop()
    assert flags(flow.work) == ["has_started", "has_stopped"]
    assert flow.work.status.reason == "pending"
    turn(flow, 1)
    with pytest.raises(RuntimeError, match="has been stopped and takes no new calls"):
        turn(flow, 2)
    assert [asked[0] for asked in desk.asked] == ["submit", "stop"]


def test_a_stopped_work_without_cache_is_not_made_to_run_again() -> None:
    flow = Holding(parallel=True, cache_calls=False)
    desk = within(flow)
    turn(flow)
    tell(flow.work, "fe3fa0f", "running", "succeeded")
    flow.work._tree_.clock.now += 60  # type: ignore[attr-defined]
    flow.work.stop()
    turn(flow)
    assert flow.work.has_stopped
    assert [asked[0] for asked in desk.asked] == ["submit", "stop"]


def test_stop_before_any_call() -> None:
    flow = Holding()
    desk = within(flow)
    flow.work.stop()
    assert flow.work.has_stopped
    assert desk.asked == [("stop", "root.work")]


ENDS: list[tuple[str, Callable[[Work], None]]] = [("stop", Work.stop), ("start", Work.start), ("delete", Work.delete)]


@pytest.mark.parametrize(("verb", "act"), ENDS)
def test_only_the_flow_steers_a_work(verb: str, act: Callable[[Work], None]) -> None:
    with pytest.raises(RuntimeError, match=rf"Can't {verb} the work Counting: only the `Flow` that has it can"):
        act(Counting())


def test_delete_goes_to_the_backend() -> None:
    flow = Holding()
    desk = within(flow)
    flow.work.delete()
    assert desk.asked == [("delete", "root.work")]
    assert flow.work.statuses == []


def test_on_exception_raises_if_the_work_is_to() -> None:
    error = ValueError("x")
    Counting(raise_exception=False).on_exception(error)
    with pytest.raises(ValueError) as caught:
        Counting().on_exception(error)
    assert caught.value is error


def test_call_pending_is_no_exception() -> None:
    assert not issubclass(CallPending, Exception)
