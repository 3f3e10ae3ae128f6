"""Turns of the loop with a clock that the test moves, and works that the test plays."""

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from manyhands.app.channel import Exchange, Line
from manyhands.app.desk import Desk
from manyhands.app.endings import NotRunning
from manyhands.app.errors import AppExit
from manyhands.app.flow import Flow, attach
from manyhands.app.loop import IDLE_SECONDS, LOOK_SECONDS, FlowLoop
from manyhands.app.runner import Ended, Wanted
from manyhands.app.work import Work
from manyhands.model.states import Cause

TURN_SECONDS = 0.002


class PlayedRunner:
    """Takes calls; the test says how they end."""

    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self.over: list[Ended] = []
        self.stopped: list[str] = []

    def submit(self, wanted: Wanted) -> None:
        self.wanted.append(wanted)

    def ended(self) -> list[Ended]:
        over, self.over = self.over, []
        return over

    def heard_of(self, work: str, key: str) -> None:
        """Nobody else submits calls here."""

    def stop(self, work: str) -> None:
        self.stopped.append(work)

    def alive(self, work: str) -> bool:
        return False


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A flow in its loop."""

    def __init__(self, root: Flow, folder: Path) -> None:
        self.clock = Clock()
        self.runner = PlayedRunner()
        self.turns: list[bool] = []
        self.root = root
        tree = root._tree_
        attach(root, tree)
        self.exchange = Exchange(str(folder / "private" / "flow"), lambda work, pid: self.desk.greet(work, pid))
        self.desk = Desk(tree, self.exchange, "life")
        self.desk.runner = self.runner
        tree.backend = self.desk
        self.loop = FlowLoop(root, tree, self.desk, self.exchange, self.turns.append, monotonic=self.clock)

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.now += TURN_SECONDS
            self.loop.wait()
            self.loop.turn()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[[Flow], Stage]]:
    stages: list[Stage] = []
    (tmp_path / "private").mkdir(mode=0o700)

    def make(root: Flow) -> Stage:
        stages.append(Stage(root, tmp_path))
        # Nothing in these tests takes time by itself.
        wait = stages[-1].exchange.wait

        def wait_shortly(seconds: float) -> None:
            stages[-1].clock.now += seconds
            wait(0.0)

        stages[-1].exchange.wait = wait_shortly  # type: ignore[method-assign]
        return stages[-1]

    yield make
    for one in stages:
        one.exchange.close()


class Idle(Flow):
    def __init__(self) -> None:
        super().__init__()
        self._runs = 0

    def run(self) -> None:
        self._runs += 1


def test_a_flow_that_changes_nothing_runs_once_and_then_with_the_clock(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Idle())
    before = made.clock.now
    made.turn(11)
    assert made.root._runs == 11
    assert made.clock.now - before == pytest.approx(10 * IDLE_SECONDS + TURN_SECONDS)
    assert not any(made.turns)


class Fills(Flow):
    """Fills the list of its child in place, and counts if told to."""

    def __init__(self, counting: bool) -> None:
        super().__init__()
        self.child = Holds()
        self.counting = counting
        self.count = 0

    def run(self) -> None:
        self.child.items.append(1)
        if self.counting:
            self.count += 1


class Holds(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []

    def run(self) -> None:
        pass


def test_a_flow_that_never_rests_is_looked_through_now_and_then(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Fills(counting=True))
    seen = []
    for _ in range(40):
        made.turn()
        if "items" in made.root.child.changes:  # type: ignore[attr-defined]
            seen.append(made.clock.now)
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    assert len(gaps) >= 5
    assert all(LOOK_SECONDS - 1e-6 < gap < LOOK_SECONDS + 1.5 * TURN_SECONDS for gap in gaps)


def test_what_changes_in_place_alone_is_seen_at_once(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Fills(counting=False))
    for _ in range(4):
        made.turn()
        assert "items" in made.root.child.changes  # type: ignore[attr-defined]
    assert all(made.turns)


class Counts(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def run(self) -> None:
        if self.count == 3:
            self.stop("done")
        self.count += 1


def test_a_flow_that_changes_something_runs_again_at_once(
    stage: Callable[[Flow], Stage], capsys: pytest.CaptureFixture[str]
) -> None:
    made = stage(Counts())
    before = made.clock.now
    made.turn(3)
    with pytest.raises(AppExit):
        made.turn()
    assert made.clock.now - before == pytest.approx(4 * TURN_SECONDS)
    assert made.turns == [True, True, True, False]
    assert capsys.readouterr().out == "done\n"


class Slow(Idle):
    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = 0.0

    def run(self) -> None:
        super().run()
        assert self._clock is not None
        self._clock.now += self._seconds


@pytest.mark.parametrize(("seconds", "warns"), [(1.2, 1), (0.5, 0)])
def test_a_slow_flow_is_told_of_once(
    stage: Callable[[Flow], Stage], caplog: pytest.LogCaptureFixture, seconds: float, warns: int
) -> None:
    flow = Slow()
    made = stage(flow)
    flow._clock, flow._seconds = made.clock, seconds
    made.turn(12)
    assert len([record for record in caplog.records if "per turn" in record.message]) == warns


class Job(Work):
    def __init__(self, parallel: bool = True) -> None:
        super().__init__(parallel=parallel, raise_exception=False)
        self.items: list[int] = []
        self.size = 0

    def run(self, value: int) -> None:
        """Never run here: the test plays its process."""


class Employs(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.work = Job()
        self.wanted = 1
        self._stages: list[str] = []

    def run(self) -> None:
        if not self._stages or self._stages[-1] != self.work.status.stage:
            self._stages.append(self.work.status.stage)
        self.work.run(self.wanted)


def test_every_status_of_a_call_is_seen_by_a_turn(stage: Callable[[Flow], Stage]) -> None:
    flow = Employs()
    made = stage(flow)
    made.turn()
    key = made.runner.wanted[0].key
    line = Line(made.exchange.address, "root.work")
    line.send({"is": "running", "key": key, "at": flow._tree_.clock()})
    line.send({"is": "delta", "ops": [[["size"], "set", 3]]})
    line.send({"is": "succeeded", "key": key, "at": flow._tree_.clock()})
    made.runner.over.append(Ended("root.work", key))
    made.turn(5)
    assert flow._stages == ["not_started", "pending", "running", "succeeded"]
    assert flow.work.size == 3
    line.close()


class Hurries(Employs):
    """Calls its work twice in one turn."""

    def run(self) -> None:
        super().run()
        self.work.run(2)


def talks(made: Stage, key: str, *stages: str) -> list[dict[str, object]]:
    said = {"key": key, "at": made.root._tree_.clock(), "reason": "user_exception", "message": "bad", "trace": ""}
    return [{"is": stage, **said} for stage in stages]


@pytest.mark.parametrize("end", ["succeeded", "failed"])
@pytest.mark.parametrize("late", [True, False])
def test_the_end_of_a_call_is_seen_before_the_next_one_runs(
    stage: Callable[[Flow], Stage], end: str, late: bool
) -> None:
    flow = Hurries()
    made = stage(flow)
    made.turn()
    first, second = [wanted.key for wanted in made.runner.wanted]
    over = [Ended("root.work", first, Cause.ERROR if end == "failed" else None), Ended("root.work", second)]
    line = Line(made.exchange.address, "root.work")
    for message in [*talks(made, first, "running", end), *talks(made, second, "running")]:
        line.send(message)
    if late:
        made.turn(4)
        assert flow._stages[-1] == "running"
        made.runner.over.append(over.pop(0))
    for message in talks(made, second, "succeeded"):
        line.send(message)
    made.runner.over += over
    made.turn(6)
    assert flow._stages == ["not_started", "pending", "running", end, "running", "succeeded"]
    line.close()


def test_a_call_that_is_tried_again_after_all_holds_up_nobody(stage: Callable[[Flow], Stage]) -> None:
    flow = Hurries()
    made = stage(flow)
    made.turn()
    first, second = [wanted.key for wanted in made.runner.wanted]
    line = Line(made.exchange.address, "root.work")
    # The process died when it had said that it was done, and before the engine heard of it.
    for key in (first, second, first):
        for message in talks(made, key, "running", "succeeded"):
            line.send(message)
    made.turn(2)
    made.runner.over += [Ended("root.work", second), Ended("root.work", first)]
    made.turn(9)
    assert flow.work.num_successes == 2
    assert flow._stages[-1] == "succeeded"
    line.close()


def test_a_work_is_told_what_it_is_and_what_its_flow_changes(stage: Callable[[Flow], Stage]) -> None:
    flow = Employs()
    made = stage(flow)
    made.turn()
    line = Line(made.exchange.address, "root.work")
    made.turn()
    (state,) = line.receive()
    assert (state["is"], state["vars"]["size"], state["seen"], state["session"]) == ("state", 0, 0, "life")
    flow.work.size = 5
    flow.wanted = 2
    made.turn()
    (change,) = line.receive()
    assert (change["is"], change["ops"], change["seen"]) == ("delta", [[["size"], "set", 5]], 1)
    assert [wanted.seen for wanted in made.runner.wanted] == [0, 1]
    line.close()


def test_both_sides_may_change_a_list_and_the_works_word_counts(stage: Callable[[Flow], Stage]) -> None:
    flow = Employs()
    made = stage(flow)
    made.turn(2)
    line = Line(made.exchange.address, "root.work")
    made.turn()
    line.receive()
    line.send({"is": "delta", "ops": [[["items", 4], "set", 1]]})
    made.turn()
    assert line.receive() == [{"is": "again"}]
    line.send({"is": "delta", "ops": [[["items"], "set", [1, 2]]]})
    made.turn()
    assert flow.work.items == [1, 2]
    line.close()


@pytest.mark.parametrize(
    ("cause", "reason"), [(Cause.LOST, "lost"), (Cause.TIMEOUT, "timeout"), (Cause.ERROR, "user_exception")]
)
def test_a_call_that_ends_without_a_word(stage: Callable[[Flow], Stage], cause: Cause, reason: str) -> None:
    flow = Employs()
    made = stage(flow)
    made.turn(2)
    made.runner.over.append(Ended("root.work", made.runner.wanted[0].key, cause, "why"))
    made.turn()
    status = flow.work.status
    assert (status.stage, status.reason, status.message) == ("failed", reason, "why")
    assert made.desk.fatal is None


def test_what_is_asked_is_done_between_two_turns(stage: Callable[[Flow], Stage]) -> None:
    flow = Employs()
    made = stage(flow)
    made.turn()
    asked = made.loop.ask(lambda: flow.work.stop())
    broken = made.loop.ask(lambda: 1 / 0)
    made.turn()
    assert asked.result(0) is None
    with pytest.raises(ZeroDivisionError):
        broken.result(0)
    assert made.runner.stopped == ["root.work"]
    with pytest.raises(TimeoutError):
        made.loop.ask(lambda: None).result(0)


def test_what_was_not_begun_in_time_is_never_done(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Idle())
    done: list[str] = []
    late = made.loop.ask(lambda: done.append("late"))
    with pytest.raises(TimeoutError, match="Try again"):
        late.result(0)
    made.loop.ask(lambda: done.append("next"))
    made.turn()
    assert done == ["next"]


def test_what_was_begun_in_time_is_done(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Idle())
    begun, gate = threading.Event(), threading.Event()
    asked = made.loop.ask(lambda: (begun.set(), gate.wait()))
    turning = threading.Thread(target=made.turn)
    turning.start()
    begun.wait()
    with pytest.raises(TimeoutError, match="Look whether"):
        asked.result(0)
    gate.set()
    turning.join()
    assert asked.result(0) == (None, True)


@pytest.mark.parametrize("end", ["stop", "fail"])
def test_what_ends_the_app_is_answered(stage: Callable[[Flow], Stage], end: str) -> None:
    made = stage(Idle())
    asked = made.loop.ask(getattr(made.root, end))
    with pytest.raises(AppExit):
        made.turn()
    assert asked.result(0) is None


def test_what_is_interrupted_is_answered(stage: Callable[[Flow], Stage]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    made = stage(Idle())
    asked = made.loop.ask(interrupt)
    with pytest.raises(KeyboardInterrupt):
        made.turn()
    with pytest.raises(NotRunning):
        asked.result(0)


class Waits(Flow):
    """Has a work that it waits for, and calls it only when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Job(parallel=False)

    def run(self) -> None:
        """Nothing by itself."""


def test_who_asks_for_a_call_that_takes_its_time_is_answered_at_once(stage: Callable[[Flow], Stage]) -> None:
    flow = Waits()
    made = stage(flow)
    asked = made.loop.ask(lambda: (flow.work.run(7), "over"))
    made.turn()
    assert asked.result(0) is None
    assert [wanted.args for wanted in made.runner.wanted] == [(7,)]
    line = Line(made.exchange.address, "root.work")
    for message in talks(made, made.runner.wanted[0].key, "running", "succeeded"):
        line.send(message)
    made.runner.over.append(Ended("root.work", made.runner.wanted[0].key))
    made.turn(6)
    again = made.loop.ask(lambda: (flow.work.run(7), "over"))
    made.turn()
    assert again.result(0) == (None, "over")
    line.close()


def test_nothing_is_done_for_who_asks_when_all_is_over(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Idle())
    before = made.loop.ask(lambda: None)
    made.loop.close(NotRunning("That cannot be done any more"))
    for asked in (before, made.loop.ask(lambda: None)):
        with pytest.raises(NotRunning):
            asked.result(0)


def test_a_blocked_flow_does_not_run(stage: Callable[[Flow], Stage]) -> None:
    made = stage(Idle())
    made.loop.blocked = True
    made.turn(3)
    assert made.root._runs == 0
    made.loop.blocked = False
    made.turn()
    assert made.root._runs == 1


def test_noise_on_the_line_is_dropped(stage: Callable[[Flow], Stage]) -> None:
    import socket  # noqa: PLC0415

    made = stage(Employs())
    made.turn()
    with socket.socket(socket.AF_UNIX) as noise:
        noise.connect(made.exchange.address)
        noise.sendall(b"\xff" * 64)
        made.turn(3)
        assert noise.recv(1) == b""
    assert made.exchange.heard == {}
