"""What flows and works see of each other's state, and when."""

import os
import time
from pathlib import Path

import pytest

from manyhands.app import App, Dict, Flow, List, Work
from manyhands.app.errors import ForbiddenUpdate
from tests.acceptance.app.apps import Watched, stages
from tests.acceptance.kit import Place, note, noted, wait_for_file

WHILE = 60.0


class Assigns(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.counter = 0
        self.sent_at = 0.0
        self.go_on = True

    def run(self) -> None:
        while self.go_on:
            self.sent_at = time.time()
            self.counter += 1
            time.sleep(0.02)


class SeesAssignments(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Assigns()
        self._lags: list[float] = []
        self._last = 0

    def run(self) -> None:
        self.check_time()
        self.work.run()
        if self.work.counter > self._last:
            self._last = self.work.counter
            self._lags.append(time.time() - self.work.sent_at)
        if len(self._lags) >= 20:
            assert self.work.is_running or self.work.has_succeeded
            self.work.go_on = False
        if self.work.has_succeeded:
            self.stop()


def test_an_assignment_is_seen_while_the_work_runs_and_the_flow_can_answer(place: Place) -> None:
    flow = SeesAssignments()
    App(flow).run()
    lags = sorted(flow._lags)
    assert len(lags) >= 20
    assert lags[len(lags) // 2] < 2.0
    assert flow.work.internal_ip == "127.0.0.1"


class ChangesInPlace(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.items: list[int] = []
        self.table: dict[int, float] = {}
        self.go_on = True

    def run(self) -> None:
        self.items.append(1)
        self.table[1] = float("inf")
        while self.go_on:
            time.sleep(0.01)
        self.items.append(2)
        self.table[2] = 0.5


class SeesChangesInPlace(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = ChangesInPlace()
        self._at_success: object = None

    def run(self) -> None:
        self.check_time()
        self.work.run()
        if self.work.items and self.work.table:
            self.see((self.work.items, self.work.table))
            self.work.go_on = False
        if self.work.has_succeeded:
            self._at_success = (list(self.work.items), dict(self.work.table))
            self.stop()


def test_changes_in_place_are_seen_and_the_last_ones_are_not_lost(place: Place) -> None:
    flow = SeesChangesInPlace()
    App(flow).run()
    assert flow._noticed[0] == "([1], {1: inf})"
    assert flow._at_success == ([1, 2], {1: float("inf"), 2: 0.5})


class Resets(Work):
    def __init__(self) -> None:
        super().__init__(cache_calls=False)
        self.counter = 0

    def run(self) -> None:
        while self.counter < 10:
            self.counter += 1


class RunsAgain(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Resets()
        self.rounds = 0

    def run(self) -> None:
        self.check_time()
        if self.work.counter == 10 and self.work.has_succeeded:
            self.see(self.rounds)
            self.rounds += 1
            if self.rounds == 3:
                self.stop()
            self.work.counter = 0
        self.work.run()


def test_what_the_flow_sets_between_calls_counts_for_the_next(place: Place) -> None:
    flow = RunsAgain()
    App(flow).run()
    assert flow._noticed == ["0", "1", "2"]


class Looks(Work):
    """Looks at its own status, and takes note of what went wrong."""

    def __init__(self) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.seen: list[object] = []
        self.handled = ""

    def run(self, value: int) -> None:
        self.seen = [self.status.stage, self.has_started, self.is_running, stages(self)]
        self.handled = "" if value else str(1 / value)

    def on_exception(self, exception: BaseException) -> None:
        self.handled = str(exception)
        self.seen.append(self.is_running)


class SeesLooks(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Looks()

    def run(self) -> None:
        self.check_time()
        if self.work.num_successes:
            self.see(self.work.seen)
            self.stop()
        if self.work.has_failed and not self._noticed:
            self.see((self.work.handled, self.work.seen))
        self.work.run(1 if self._noticed else 0)


def test_a_work_sees_its_own_status_and_the_flow_what_it_says_of_its_failure(place: Place) -> None:
    flow = SeesLooks()
    App(flow).run()
    begun = "['running', True, True, ['pending', 'running']"
    assert flow._noticed == [f"('division by zero', {begun}, True])", f"{begun}]"]


class Forbids(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Assigns()
        self.work2 = ChangesInPlace()

    def run(self) -> None:
        self.check_time()
        self.work2.run()
        if self.work2.is_running and self.work2.items:
            self.work2.items.append(99)


def test_the_flow_may_not_change_the_size_of_what_a_running_work_has(place: Place) -> None:
    with pytest.raises(ForbiddenUpdate, match="A forbidden operation to update the work from the flow was detected"):
        App(Forbids()).run()


class Echoes(Work):
    def __init__(self) -> None:
        super().__init__()
        self.got: object = None
        self._private = [lambda: "kept"]
        self.pid = 0

    def run(self, value: object) -> None:
        self.got = [value, self._private[0]()]
        self.pid = os.getpid()


class Nested(Flow):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.work = Echoes()
        if depth:
            self.deeper = Nested(depth - 1)

    def run(self) -> None:
        self.work.run(self.name)
        if "deeper" in self._kinds_:
            self.deeper.run()


class Deep(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.a = Nested(3)
        self.many = Dict(x=Echoes(), y=Echoes())
        self.few = List(Echoes())

    def run(self) -> None:
        self.check_time()
        self.a.run()
        for name, work in self.many.items():
            work.run(name)
        if len(self.few) < 2:
            self.few.append(Echoes())
        for index, work in enumerate(self.few):
            work.run(index)
        self.stop()


def test_works_anywhere_in_the_tree_run_under_their_names(place: Place) -> None:
    flow = Deep()
    app = App(flow)
    app.run()
    got = {name: work.got for name, work in app.named_works}
    assert got == {
        "root.a.work": ["root.a", "kept"],
        "root.a.deeper.work": ["root.a.deeper", "kept"],
        "root.a.deeper.deeper.work": ["root.a.deeper.deeper", "kept"],
        "root.a.deeper.deeper.deeper.work": ["root.a.deeper.deeper.deeper", "kept"],
        "root.many.x": ["x", "kept"],
        "root.many.y": ["y", "kept"],
        "root.few.0": [0, "kept"],
        "root.few.1": [1, "kept"],
    }
    assert len({work.pid for work in app.works}) == 8
    assert app.get_component_by_name("root.a.deeper.work") is flow.a.deeper.work
    assert [component.name for component in app.flows][:2] == ["root", "root.a"]


class HoldsLock(Work):
    def __init__(self) -> None:
        super().__init__()
        self._lock = __import__("threading").Lock()

    def run(self) -> None:
        pass


class CallsIt(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = HoldsLock()

    def run(self) -> None:
        self.check_time()
        self.work.run()


def test_a_work_that_cannot_be_sent_is_named(place: Place) -> None:
    with pytest.raises(TypeError, match=r"The work root\.work cannot be sent to its process .*lock"):
        App(CallsIt()).run()


class Alone(Work):
    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    def run(self) -> None:
        self.done += 1


def test_a_work_may_be_the_root_and_the_app_ends_with_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    app = App(Alone())
    assert not app.status.is_ui_ready
    app.run()
    assert [(name, work.done) for name, work in app.named_works] == [("root.work", 1)]
    assert "The work has finished" in capsys.readouterr().out


class StartsAhead(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Alone()

    def run(self) -> None:
        self.check_time()
        self.work.start()
        self.see(self.work.status.stage)
        if self.work.status.stage == "started" or self.work.done:
            self.work.run()
            self.work.stop()
            self.stop()


def test_a_work_may_be_started_ahead_of_its_first_call(place: Place) -> None:
    flow = StartsAhead()
    App(flow).run()
    assert flow._noticed[:4] == ["pending", "started", "running", "succeeded"] or flow._noticed[:3] == [
        "pending", "started", "succeeded"
    ]  # fmt: skip
    with pytest.raises(RuntimeError):
        flow.work.start()


class Forks(Work):
    """A process that it forks changes what it has of the work, and is told to end with it."""

    def __init__(self, folder: str) -> None:
        super().__init__(parallel=True)
        self.folder = folder
        self.count = 0

    def run(self) -> None:
        child = os.fork()
        if not child:
            for number in range(100):
                self.count = -number - 1
            note(os.path.join(self.folder, "child"), "ready")
            time.sleep(60)
            os._exit(0)
        wait_for_file(os.path.join(self.folder, "child"))
        self.count = 7
        time.sleep(60)

    def on_exit(self) -> None:
        note(os.path.join(self.folder, "left"), str(os.getpid()))


class StopsForking(Watched):
    def __init__(self, folder: str) -> None:
        super().__init__()
        self.work = Forks(folder)
        self._counts: set[int] = set()

    def run(self) -> None:
        self.check_time()
        self.work.run()
        self._counts.add(self.work.count)
        if self.work.count == 7:
            self.stop()


def test_a_process_that_a_work_forks_has_no_say(place: Place, tmp_path: Path) -> None:
    flow = StopsForking(str(tmp_path))
    App(flow).run()
    assert flow._counts == {0, 7}
    assert len(noted(tmp_path / "left")) == 1
