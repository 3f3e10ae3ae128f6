"""Scenarios of calls, statuses, stopping and the loop, in apps with real processes; each test names its numbers."""

import math
import time
from pathlib import Path

import pytest

from manyhands.app import App, Work
from manyhands.app.endings import WorkFailed
from manyhands.app.loop import IDLE_SECONDS
from manyhands.model.states import RunStatus
from tests.acceptance.app.apps import Watched, collapsed, stages
from tests.acceptance.kit import Place, note, noted


class Counts(Work):
    """Counts up, and then raises if it is to."""

    def __init__(self, error: str = "", **options: object) -> None:
        super().__init__(**options)
        self.error = error
        self.counter = 0

    def run(self, *args: object, **kwargs: object) -> None:
        self.counter += 1
        if self.error:
            raise ValueError(self.error)


class CallsIt(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        self.check_time()
        self.see((self.work.status.stage, self.work.counter))
        if self.work.has_failed or self.work.has_succeeded:
            self.stop()
        self.work.run()


@pytest.mark.parametrize("error", ["", "no luck"])
@pytest.mark.parametrize("raises", [True, False])
def test_18_19_21_what_a_flow_sees_of_a_call_and_in_which_order(place: Place, error: str, raises: bool) -> None:
    flow = CallsIt(Counts(error, raise_exception=raises))
    app = App(flow)
    if error and raises:
        with pytest.raises(WorkFailed, match="no luck") as caught:
            app.run()
        assert app.exception is caught.value
    else:
        app.run()
        assert app.exception is None
    end = "failed" if error else "succeeded"
    # The change of the counter comes after `running` and before the end; the turn that sees `running` may see both.
    seen = [text.replace("('running', 1)", "('running', 0)") for text in flow._noticed]
    assert collapsed(seen) == ["('not_started', 0)", "('pending', 0)", "('running', 0)", f"('{end}', 1)"]
    assert stages(flow.work)[:4] == ["pending", "running", end, "stopped"]
    assert flow.work.counter == 1
    assert flow.work.has_stopped


class Hangs(Work):
    counter = 0

    def run(self) -> None:
        time.sleep(60)


def test_23_a_time_out_is_in_the_history(place: Place) -> None:
    flow = CallsIt(Hangs(timeout=0.2, raise_exception=False))
    App(flow).run()
    assert [stage for stage in stages(flow.work) if stage != "running"][:3] == ["pending", "failed", "stopped"]
    assert [status.reason for status in flow.work.statuses if status.stage == "failed"] == ["timeout"]


class TwentyCalls(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Counts()
        self.at = 0

    def run(self) -> None:
        self.check_time()
        if self.at == 20:
            self.stop()
        self.work.run(self.at, name=f"call {self.at}")
        self.at += 1


def test_24_twenty_calls_keep_the_state_small(place: Place) -> None:
    flow = TwentyCalls()
    app = App(flow)
    app.run()
    assert flow.work.num_successes == 20
    assert len(repr(app.state)) < 26_500


class Spellings(Watched):
    """One call in many spellings, some of which are the same."""

    def __init__(self, ledger: str) -> None:
        super().__init__()
        self.work = Notes(ledger)

    def run(self) -> None:
        self.check_time()
        self.work.run(1, 2)
        self.work.run(2, 1)
        self.work.run(a=1, b=2)
        self.work.run(b=2, a=1)
        for value in (1, 1.0, True, "1", [1], (1,), [1, 1], None):
            self.work.run(value)
        self.work.run()
        self.stop()


class Notes(Work):
    def __init__(self, ledger: str) -> None:
        super().__init__()
        self.ledger = ledger

    def run(self, *args: object, **kwargs: object) -> None:
        note(self.ledger, f"{args} {sorted(kwargs.items())}")


def test_31_32_what_is_the_same_call_and_what_is_another(place: Place, tmp_path: Path) -> None:
    App(Spellings(str(tmp_path / "ledger"))).run()
    assert noted(tmp_path / "ledger") == [
        "(1, 2) []",
        "(2, 1) []",
        "() [('a', 1), ('b', 2)]",
        *[f"{args} []" for args in [(1,), (1.0,), (True,), ("1",), ([1],), ((1,),), ([1, 1],), (None,), ()]],
    ]


class Settles(Watched):
    """Notes when its turns come after its work has succeeded."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work
        self._turns: list[float] = []

    def run(self) -> None:
        self.check_time()
        self.work.run()
        self._turns.append(time.monotonic())
        if len(self._turns) == 12:
            self.stop()


class WritesFile(Work):
    def __init__(self) -> None:
        super().__init__()
        self.path = "lit://settles"

    def run(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("there")


def test_38_an_app_rests_when_its_work_with_a_path_is_done(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flow = Settles(WritesFile())
    App(flow).run()
    turns = flow._turns[2:]
    # One turn may be noted late, so that the next seems to come too early: one span of the clock more or less.
    assert turns[-1] - turns[0] > 0.8 * IDLE_SECONDS * (len(turns) - 2), "a turn comes only with the clock"


class GetsReady(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    @property
    def ready(self) -> bool:
        return self.work.has_succeeded

    def run(self) -> None:
        self.check_time()
        self.work.run()


class Root(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.child = GetsReady(Counts())
        self._app: App | None = None

    def run(self) -> None:
        assert self._app is not None
        self.see(self._app.status.is_ui_ready)
        if self._app.status.is_ui_ready:
            self.stop()
        self.child.run()


def test_45_an_app_is_ready_when_its_flows_are(place: Place) -> None:
    flow = Root()
    flow._app = App(flow)
    flow._app.run()
    assert flow._noticed == ["False", "True"]


@pytest.mark.parametrize("own", [True, False])
def test_45_46_a_work_as_root_says_itself_when_it_is_ready(place: Place, own: bool) -> None:
    class Ready(Counts):
        @property
        def ready(self) -> bool:
            return self.counter > 0

    app = App(Ready() if own else Counts())
    assert not app.status.is_ui_ready
    app.run()
    assert app.status.is_ui_ready
    assert [work.counter for work in app.works] == [1]
    (run,) = place.store.runs(kind="app")
    assert run.status is RunStatus.SUCCEEDED


class Scheduled(Watched):
    def __init__(self) -> None:
        super().__init__()
        self._turns: list[tuple[float, bool, float]] = []
        self.fired = 0

    def run(self) -> None:
        self.check_time()
        before = time.time()
        is_on = self.schedule("* * * * * *")
        self._turns.append((before, is_on, time.time()))
        self.fired += is_on
        if self.fired == 3:
            self.stop()


def test_50_51_a_schedule_is_on_in_the_first_turn_and_then_at_its_moments(place: Place) -> None:
    flow = Scheduled()
    App(flow).run()
    assert [is_on for _, is_on, _ in flow._turns].count(True) == 3
    assert flow._turns[0][1], "on in the first turn"
    earliest, latest = 0.0, 0.0  # between them is the next moment: the first whole second after the one it was on in
    for before, is_on, after in flow._turns:
        assert after >= earliest if is_on else before < latest, flow._turns
        if is_on:
            earliest, latest = math.floor(before) + 1.0, math.floor(after) + 1.0


def test_63_addresses_are_known_when_the_work_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYHANDS_NODE_IP", "10.0.0.7")
    monkeypatch.setenv("MANYHANDS_PUBLIC_IP", "192.0.2.7")
    flow = CallsIt(Counts())
    assert (flow.work.internal_ip, flow.work.public_ip) == ("", "")
    App(flow).run()
    assert (flow.work.internal_ip, flow.work.public_ip) == ("10.0.0.7", "192.0.2.7")


class StartsRunsStops(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work
        self._refused = ""

    def run(self) -> None:
        self.check_time()
        if not self.work.has_started:
            self.work.start()
        if self.work.counter == 0:
            self.work.run()
            return
        if not self.work.has_stopped:
            self.work.stop()
        try:
            self.work.start()
        except RuntimeError as error:
            self._refused = str(error)
        self.stop()


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("parallel", [True, False])
def test_65_start_run_stop_and_no_second_start(place: Place, cached: bool, parallel: bool) -> None:
    flow = StartsRunsStops(Counts(cache_calls=cached, parallel=parallel))
    App(flow).run()
    assert "A work can be started only once for now" in flow._refused
    assert flow.work.has_stopped
    assert flow.work.counter == 1
