"""Calls of works in a running app: what they go through, what is cached, what runs after what."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from manyhands.app import App, Work
from manyhands.app.endings import LET_IT_FAIL, RETURN_NOTHING, WorkFailed
from manyhands.app.errors import WorkHasStopped
from manyhands.model.states import RunStatus, TaskStatus
from tests.acceptance.app.apps import Watched, stages
from tests.acceptance.kit import PATIENCE, Place, note, noted, wait_for_file, wait_until


class Counts(Work):
    def __init__(self, ledger: str = "", **options: object) -> None:
        super().__init__(**options)
        self.ledger = ledger
        self.counter = 0

    def run(self, *args: object) -> None:
        note(self.ledger, repr(args))
        self.counter += 1


class Once(Watched):
    """Calls its work until it has had enough."""

    def __init__(self, work: Work, enough: int) -> None:
        super().__init__()
        self.work = work
        self.enough = enough

    def run(self) -> None:
        self.check_time()
        self.see(self.work.status.stage)
        self.work.run()
        if self.work.counter >= self.enough:
            self.stop()


def test_a_cached_call_runs_once_and_its_task_tells_so(place: Place, tmp_path: Path) -> None:
    flow = Once(Counts(str(tmp_path / "ledger")), 1)
    app = App(flow)
    app.run()
    assert noted(tmp_path / "ledger") == ["()"]
    assert flow._noticed == ["not_started", "pending", "running", "succeeded"]
    (run,) = place.store.runs(kind="app")
    assert (run.status, run.metadata) == (RunStatus.SUCCEEDED, {"app": "Once"})
    assert [(task.name, task.status) for task in place.tasks(run.run_id)] == [
        ("app", TaskStatus.SUCCEEDED),
        ("root.work", TaskStatus.SUCCEEDED),
    ]
    events = [event.state for event in place.events(run.run_id, "root.work")]
    assert events == ["pending", "running", "succeeded"]


def test_a_call_that_is_not_cached_runs_again_and_again(place: Place, tmp_path: Path) -> None:
    flow = Once(Counts(str(tmp_path / "ledger"), cache_calls=False, parallel=True), 3)
    App(flow).run()
    assert len(noted(tmp_path / "ledger")) >= 3
    assert flow.work.num_successes >= 2
    assert flow.work.counter >= 3


class Queues(Watched):
    """Three calls at once: they wait for each other in their order."""

    def __init__(self, ledger: str) -> None:
        super().__init__()
        self.work = Counts(ledger, parallel=True)
        self.histories: dict[str, list[str]] = {}

    def run(self) -> None:
        self.check_time()
        for value in ("one", "two", "three"):
            self.work.run(value)
        if self.work.counter == 3 and self.work.has_succeeded:
            entries = [entry for entry in self.work._calls.values() if isinstance(entry, dict)]
            self.histories = {str(n): [s["stage"] for s in entry["statuses"]] for n, entry in enumerate(entries)}
            self.stop()


def test_calls_of_one_work_run_in_their_order_each_with_its_history(place: Place, tmp_path: Path) -> None:
    flow = Queues(str(tmp_path / "ledger"))
    App(flow).run()
    assert noted(tmp_path / "ledger") == ["('one',)", "('two',)", "('three',)"]
    assert list(flow.histories.values()) == [["pending", "running", "succeeded"]] * 3
    assert flow.work.num_successes == 3


class Appends(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.seen: list[int] = []

    def run(self, value: int) -> None:
        self.seen = [*self.seen, value]


class AppendsMuch(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Appends()

    def run(self) -> None:
        self.check_time()
        for value in range(7):
            self.work.run(value)
        if self.work.num_successes == 7:
            self.stop()


def test_calls_that_wait_begin_with_what_those_before_them_left(place: Place) -> None:
    flow = AppendsMuch()
    App(flow).run()
    assert flow.work.seen == list(range(7))


class Fails(Work):
    def __init__(self, ledger: str, **options: object) -> None:
        super().__init__(raise_exception=False, **options)
        self.ledger = ledger
        self.counter = 0

    def run(self, how: str) -> None:
        note(self.ledger, f"{how} {os.getpid()}")
        self.counter += 1
        match how:
            case "raise":
                raise ValueError("no luck")
            case "exit":
                sys.exit("enough")
            case "interrupt":
                raise KeyboardInterrupt


class CallsInTurn(Watched):
    def __init__(self, work: Work, hows: list[str]) -> None:
        super().__init__()
        self.work = work
        self.hows = hows
        self.at = 0
        self.ends: list[str] = []
        self.turns_after = 0

    def run(self) -> None:
        self.check_time()
        if self.at == len(self.hows):
            self.turns_after += 1
            if self.turns_after == 5:
                self.stop()
            self.work.run(self.hows[0])
            return
        if self.work.counter == self.at + 1 and (self.work.has_failed or self.work.has_succeeded):
            self.ends = [*self.ends, f"{self.work.status.stage} {self.work.status.reason} {self.work.status.message}"]
            self.at += 1
        else:
            self.work.run(self.hows[self.at])


@pytest.mark.parametrize("cached", [True, False])
def test_a_failed_call_is_not_made_again_and_others_run_in_the_same_process(
    place: Place, tmp_path: Path, cached: bool
) -> None:
    hows = ["raise", "exit", "interrupt", "well"]
    flow = CallsInTurn(Fails(str(tmp_path / "ledger"), parallel=True, cache_calls=cached), hows)
    App(flow).run()
    assert flow.ends == [
        "failed user_exception no luck",
        "failed user_exception enough",
        "failed user_exception None",
        "succeeded None None",
    ]
    lines = [line.split() for line in noted(tmp_path / "ledger")]
    assert [how for how, _ in lines] == hows
    assert len({pid for _, pid in lines}) == 1
    (run,) = place.store.runs(kind="app")
    assert run.status is RunStatus.SUCCEEDED


def test_the_order_of_arguments_counts(place: Place, tmp_path: Path) -> None:
    class Twice(Watched):
        def __init__(self) -> None:
            super().__init__()
            self.work = Counts(str(tmp_path / "ledger"))

        def run(self) -> None:
            self.check_time()
            self.work.run(1, 2)
            self.work.run(2, 1)
            self.work.run(1, 2)
            self.stop()

    App(Twice()).run()
    assert noted(tmp_path / "ledger") == ["(1, 2)", "(2, 1)"]


class Raises(Work):
    def run(self) -> None:
        raise ValueError("out of luck")


class CallsOnce(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        self.check_time()
        self.see(self.work.status.stage)
        self.work.run()


def test_an_exception_of_a_work_ends_the_app(place: Place) -> None:
    flow = CallsOnce(Raises())
    app = App(flow)
    with pytest.raises(WorkFailed, match=r"(?s)root.work has failed: out of luck.*ValueError: out of luck") as caught:
        app.run()
    assert str(caught.value).endswith(LET_IT_FAIL)
    assert app.exception is caught.value
    assert app.stage == "failed"
    assert flow._noticed[-1] == "failed"
    assert stages(flow.work)[:4] == ["pending", "running", "failed", "stopped"]
    (run,) = place.store.runs(kind="app")
    assert run.status is RunStatus.FAILED


class Returns(Work):
    def run(self) -> int:
        return 7


def test_a_return_value_ends_the_app(place: Place) -> None:
    flow = CallsOnce(Returns(raise_exception=False))
    with pytest.raises(WorkFailed, match=rf"shouldn't have a return value\. Found 7(?s:.*){RETURN_NOTHING}"):
        App(flow).run()
    assert flow.work._calls[flow.work._calls["latest_call_hash"]]["statuses"][2]["reason"] == "invalid_return_value"


class Sleeps(Work):
    def __init__(self, flag: str, **options: object) -> None:
        super().__init__(**options)
        self.flag = flag
        self.ended = ""

    def run(self, *args: object) -> None:
        note(self.flag, str(os.getpid()))
        time.sleep(60)

    def on_exit(self) -> None:
        self.ended = "in order"
        note(self.flag, "left")


class Kills(Watched):
    """Kills its work's process once it runs, and looks what comes of it."""

    def __init__(self, work: Work, number: int) -> None:
        super().__init__()
        self.work = work
        self.number = number
        self.killed_at = 0.0
        self.seen_after = 0.0

    def run(self) -> None:
        self.check_time()
        self.work.run()
        if self.work.is_running and not self.killed_at:
            wait_for_file(self.work.flag)
            self.killed_at = time.time()
            os.kill(int(noted(self.work.flag)[0]), self.number)
        if self.killed_at and not self.work.is_running:
            self.seen_after = time.time() - self.killed_at
            self.see(f"{self.work.status.stage} {self.work.status.reason} {self.work.status.message}")
            if self.work.has_failed or self.work.ended:
                self.stop()


def test_a_killed_work_is_seen_at_once_as_failed(place: Place, tmp_path: Path) -> None:
    flow = Kills(Sleeps(str(tmp_path / "flag"), parallel=True, raise_exception=False), signal.SIGKILL)
    App(flow).run()
    assert flow._noticed == ["failed lost was killed by signal 9 (SIGKILL)"]
    assert flow.seen_after < PATIENCE  # the work sleeps twice as long


def test_a_killed_work_ends_the_app_unless_told_otherwise(place: Place, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="was killed by signal 9"):
        App(Kills(Sleeps(str(tmp_path / "flag"), parallel=True), signal.SIGKILL)).run()


def test_a_work_that_gets_sigterm_says_its_last_words_and_the_app_lives(place: Place, tmp_path: Path) -> None:
    flow = Kills(Sleeps(str(tmp_path / "flag"), parallel=True), signal.SIGTERM)
    App(flow).run()
    assert flow._noticed[0] == "stopped sigterm_signal_handler None"
    assert flow.work.ended == "in order"


class Stops(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work
        self.asked = False
        self.refused = ""

    def run(self) -> None:
        self.check_time()
        if not self.asked:
            self.work.run()
            if self.work.is_running and os.path.exists(self.work.flag):
                self.work.stop()
                self.work.stop()
                self.asked = True
            return
        try:
            self.work.run("something new")
        except WorkHasStopped as error:
            self.refused = str(error)
        self.work.run()
        if self.work.status.reason == "sigterm_signal_handler":
            self.stop()


def test_a_stopped_work_is_gone_after_its_on_exit_and_takes_no_new_calls(place: Place, tmp_path: Path) -> None:
    flow = Stops(Sleeps(str(tmp_path / "flag"), parallel=True))
    App(flow).run()
    assert noted(tmp_path / "flag")[1:] == ["left"]
    assert "has been stopped and takes no new calls" in flow.refused
    assert stages(flow.work) == ["pending", "running", "stopped", "stopped"]
    assert [status.reason for status in flow.work.statuses][2:] == ["pending", "sigterm_signal_handler"]
    (run,) = place.store.runs(kind="app")
    assert place.task(run.run_id, "root.work").status is TaskStatus.STOPPED


class Tires(Work):
    def __init__(self, ledger: str, **options: object) -> None:
        super().__init__(parallel=True, **options)
        self.ledger = ledger
        self.tries = 0

    def run(self, good_from: int) -> None:
        note(self.ledger, "try")
        self.tries += 1
        if len(noted(self.ledger)) < good_from:
            raise ValueError("not yet")


class Retries(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        self.check_time()
        self.work.run(3)
        self.see(self.work.status.stage)
        if self.work.has_succeeded or self.work.has_failed:
            self.stop()


def test_a_call_may_be_tried_again(place: Place, tmp_path: Path) -> None:
    flow = Retries(Tires(str(tmp_path / "ledger"), retries=2))
    App(flow).run()
    assert len(noted(tmp_path / "ledger")) == 3
    assert flow._noticed[-1] == "succeeded"
    assert "failed" not in flow._noticed
    reasons = [(status.stage, status.reason) for status in flow.work.statuses]
    assert reasons[:7] == [
        ("pending", None),
        ("running", None),
        ("pending", "retry"),
        ("running", None),
        ("pending", "retry"),
        ("running", None),
        ("succeeded", None),
    ]


def test_a_call_that_fails_too_often_has_failed(place: Place, tmp_path: Path) -> None:
    flow = Retries(Tires(str(tmp_path / "ledger"), retries=1, raise_exception=False))
    App(flow).run()
    assert len(noted(tmp_path / "ledger")) == 2
    assert flow._noticed[-1] == "failed"


class Hangs(Work):
    def run(self) -> None:
        time.sleep(60)


class WaitsInVain(Watched):
    def __init__(self, retries: int) -> None:
        super().__init__()
        self.work = Hangs(timeout=0.3, raise_exception=False, parallel=True, retries=retries)

    def run(self) -> None:
        self.check_time()
        self.work.run()
        if self.work.has_timeout:
            self.see(self.work.status.message)
            self.see(f"{self.work.num_timeouts} of them")
            self.stop()


@pytest.mark.parametrize("retries", [0, 2])
def test_a_call_that_takes_too_long_is_stopped(place: Place, retries: int) -> None:
    flow = WaitsInVain(retries)
    App(flow).run()
    assert flow._noticed == ["ran longer than its time-out of 0.3 s", f"{1 + retries} of them"]
    assert stages(flow.work)[0] == "pending"
    assert stages(flow.work)[-2:] == ["failed", "stopped"]


class Tells(Work):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def run(self) -> None:
        self.told = [os.getcwd(), os.environ.get("WHERE"), os.environ["MANYHANDS_STORE"]]


class Asks(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Tells()

    def run(self) -> None:
        self.check_time()
        self.work.run()
        self.stop()


def test_a_work_begins_in_the_folder_and_the_environment_of_its_flow(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):  # what begins the processes of works was there before the second
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("WHERE", name)
        monkeypatch.setenv("MANYHANDS_STORE", "sqlite:///elsewhere.db")
        flow = Asks()
        App(flow).run()
        folder, where, store = flow.work.told
        assert (folder, where) == (str(tmp_path / name), name)
        assert store != "sqlite:///elsewhere.db"


class Meets(Work):
    """Ends when it is let, and not before the other has begun."""

    def __init__(self, folder: Path, who: str) -> None:
        super().__init__()
        self.folder = str(folder)
        self.who = who
        self.seen: list[str] = []

    def run(self) -> None:
        note(os.path.join(self.folder, "begun"), self.who)
        wait_for_file(os.path.join(self.folder, self.who))
        self.seen = [*self.seen, self.who]


class Meeting(Watched):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        self.check_time()
        self.work.run()
        self.stop()


def test_two_apps_of_a_process_share_no_work_though_the_names_are_equal(place: Place, tmp_path: Path) -> None:
    names = ["one", "two"]
    flows = [Meeting(Meets(tmp_path, who)) for who in names]
    threads = [threading.Thread(target=App(flow).run) for flow in flows]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: sorted(noted(tmp_path / "begun")) == names, "both")
    finally:
        for who, thread in zip(names, threads, strict=True):  # the first ends while the second is at work
            (tmp_path / who).touch()
            thread.join()
    assert [flow.work.seen for flow in flows] == [[who] for who in names]
