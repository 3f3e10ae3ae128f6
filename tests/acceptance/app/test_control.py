"""A running app as other threads see it, and what they can have it do."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.app import App, Flow, Work
from manyhands.app.api import Get, Post
from manyhands.app.channel import rendezvous
from manyhands.app.endings import AppFailed, NoCheckpoint, NothingToRetry, NotRunning
from manyhands.app.errors import ComponentNotFound, UnfitDelta
from manyhands.app.frontend import Frontend
from manyhands.app.rooted import AppStage
from manyhands.model.errors import UsageError
from manyhands.model.states import RunStatus
from manyhands.rest.running import Running, leave
from tests.acceptance.app.apps import Watched
from tests.acceptance.kit import PATIENCE, Place, note, noted, wait_until


class Fickle(Work):
    """Fails as long as a file says so."""

    def __init__(self, folder: str) -> None:
        super().__init__(parallel=True, raise_exception=False)
        self.folder = folder
        self.count = 0

    def run(self) -> None:
        note(os.path.join(self.folder, "tries"), "try")
        if not os.path.exists(os.path.join(self.folder, "good")):
            raise ValueError("not good")


class Steered(Watched):
    def __init__(self, folder: str) -> None:
        super().__init__()
        self.work = Fickle(folder)
        self.limit = 3
        self.runs = 0
        self.names: list[str] = []

    def run(self) -> None:
        self.check_time()
        if not self.runs:
            self.runs = 1
        self.work.run()

    def configure_api(self) -> list[Any]:
        return [Post("/names", self.add), Get("/names/{index}", self.get)]

    def configure_commands(self) -> list[dict[str, Any]]:
        return [{"add one": self.add}]

    def add(self, name: str) -> dict[str, int]:
        self.names.append(name)
        return {"count": len(self.names)}

    def get(self, index: str) -> str:
        return self.names[int(index)]


@contextmanager
def in_thread(steps: Callable[[], None], app: App) -> Iterator[list[BaseException]]:
    """Take steps in another thread while the app runs here; they end it."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            steps()
        except BaseException as error:  # noqa: BLE001 - raised where the test sees it
            errors.append(error)
        finally:
            app.control.request_stop()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        thread.join()
    if errors:
        raise errors[0]


def drive(app: App, steps: Callable[[], None], blocking: bool = False) -> None:
    with in_thread(lambda: (wait_until(lambda: app._life is not None, "the app"), steps()), app):
        app.run(blocking)


def test_it_is_seen_while_it_runs_and_a_failed_call_can_be_made_again(place: Place, tmp_path: Path) -> None:
    app = App(Steered(str(tmp_path)))
    control = app.control

    def stage() -> str:
        return str(control.status()["work_statuses"]["root.work"]["stage"])

    def steps() -> None:
        wait_until(lambda: stage() == "failed", "the failure")
        calls = control.snapshot()["works"]["work"]["calls"]
        key = calls["latest_call_hash"]
        assert calls[key]["statuses"][-1]["message"] == "not good"
        assert control.snapshot()["app_state"] == {"stage": "running"}
        with pytest.raises(NothingToRetry):
            control.retry("root.work", "nothing")
        with pytest.raises(NothingToRetry):
            control.retry("root.work", "latest_call_hash")
        with pytest.raises(ComponentNotFound):
            control.retry("root.nobody", key)
        (tmp_path / "good").touch()
        control.retry("root.work", key)
        wait_until(lambda: stage() == "succeeded", "the success")
        with pytest.raises(NothingToRetry):
            control.retry("root.work", key)
        control.stop_work("root.work")
        wait_until(lambda: stage() == "stopped", "the stop")

    drive(app, steps)
    assert noted(tmp_path / "tries") == ["try", "try"]
    with pytest.raises(NotRunning):
        control.stop_work("root.work")


def test_changes_from_outside_reach_flows_and_works(place: Place, tmp_path: Path) -> None:
    app = App(Steered(str(tmp_path)))

    def steps() -> None:
        heard = threading.Event()
        forget = app.control.subscribe(heard.set)
        app.control.apply_delta([[["vars", "limit"], "set", 7], [["works", "work", "vars", "count"], "set", 2]])
        assert heard.wait(PATIENCE)
        wait_until(lambda: app.control.snapshot()["vars"]["limit"] == 7, "the new limit")
        assert app.control.snapshot()["works"]["work"]["vars"]["count"] == 2
        with pytest.raises(UnfitDelta):
            app.control.apply_delta([[["vars", "limit"], "set", 8], [["vars", "nothing", "more"], "set", 8]])
        forget()

    drive(app, steps)
    assert app.root.limit == 7


def test_routes_and_commands_are_answered_by_the_loop(place: Place, tmp_path: Path) -> None:
    app = App(Steered(str(tmp_path)))
    view = Running(app)

    def steps() -> None:
        routes = {(route["method"], route["route"]): route for route in view.routes()}
        assert [parameter["name"] for parameter in routes["POST", "/names"]["parameters"]] == ["name"]
        assert routes["POST", "/command/add_one"]["command"] == "add one"
        assert view.call("POST", "/names", {"name": "a"}) == {"count": 1}
        assert view.call("POST", "/command/add_one", {"name": "b"}) == {"count": 2}
        assert view.call("GET", "/names/{index}", {"index": "1"}) == "b"
        with pytest.raises(IndexError):
            view.call("GET", "/names/{index}", {"index": "9"})
        with pytest.raises(UsageError):
            view.call("GET", "/nothing", {})

    drive(app, steps)
    assert app.root.names == ["a", "b"]


def test_a_blocking_app_waits_to_be_let_begin(place: Place, tmp_path: Path) -> None:
    app = App(Steered(str(tmp_path)))

    def steps() -> None:
        assert app.control.snapshot()["app_state"] == {"stage": "blocking"}
        assert app.control.snapshot()["vars"]["runs"] == 0
        app.control.request_run()
        wait_until(lambda: app.control.snapshot()["vars"]["runs"] == 1, "the first run")

    drive(app, steps, blocking=True)


class Counts(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def run(self) -> None:
        if self.count == 3:
            self.stop()
        self.count += 1


class CountsOn(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def run(self) -> None:
        self.count = min(self.count + 1, 3)


def test_restarting_restores_the_first_state_and_waits(place: Place) -> None:
    app = App(CountsOn())

    def steps() -> None:
        wait_until(lambda: app.control.snapshot()["vars"]["count"] == 3, "the count")
        app.stage = AppStage.RESTARTING
        wait_until(lambda: app.stage == AppStage.BLOCKING, "the restart")
        wait_until(lambda: app.control.snapshot()["vars"]["count"] == 0, "the first state")
        app.control.request_run()
        wait_until(lambda: app.control.snapshot()["vars"]["count"] == 3, "the count again")

    drive(app, steps)


def test_an_app_ends_as_its_stage_says(place: Place) -> None:
    def end(stage: str) -> None:
        app = App(CountsOn())
        drive(app, lambda: (setattr(app, "stage", stage), wait_until(lambda: app._life is None, "the end"))[0])

    end(AppStage.STOPPING)
    with pytest.raises(AppFailed):
        end(AppStage.FAILED)


def test_checkpoints(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    app = App(Counts())
    with pytest.raises(NoCheckpoint, match="does not exist"):
        app.load_state_dict_from_checkpoint_dir(app.checkpoint_dir)
    app.checkpointing = True
    app.run()
    files = sorted(path.name for path in Path(app.checkpoint_dir).iterdir())
    assert [name.split("_")[1] for name in files] == ["0", "1", "2", "3"]
    for version, count in [(0, 1), (1, 2), (2, 3), (3, 3), (None, 3)]:
        again = App(Counts())
        again.load_state_dict_from_checkpoint_dir(app.checkpoint_dir, version=version)
        assert again.root.count == count
        again.run()
        assert again.root.count == 3
    with pytest.raises(NoCheckpoint, match="versions 0, 1, 2, 3"):
        App(Counts()).load_state_dict_from_checkpoint_dir(app.checkpoint_dir, version=7)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoCheckpoint, match="holds none"):
        App(Counts()).load_state_dict_from_checkpoint_dir(str(tmp_path / "empty"))


@workflow.step
def double(x: int) -> int:
    return 2 * x


class Starts(Watched):
    """A flow that starts a workflow, and goes on when it is done."""

    def __init__(self) -> None:
        super().__init__()
        self._reference: Any = None
        self.result = 0

    def run(self) -> None:
        self.check_time()
        if self._reference is None:
            self._reference = double.step(21).run_async("from_a_flow")
        if self._reference.done():
            self.result = self._reference.result()
            self.stop()


def test_a_flow_can_start_and_await_a_workflow(place: Place) -> None:
    flow = Starts()
    App(flow).run()
    assert flow.result == 42
    assert place.run("from_a_flow").kind == "workflow"


def test_debug_is_on_for_the_time_of_a_run(place: Place) -> None:
    import logging  # noqa: PLC0415

    log = logging.getLogger("manyhands.app")
    before, levels = log.level, []

    class Looks(Flow):
        def run(self) -> None:
            levels.append(log.level)
            self.stop()

    App(Looks(), log_level="debug").run()
    assert levels == [logging.DEBUG]
    assert log.level == before


class Served(Frontend):
    """Writes down what becomes of its server; one on a bad port does not start."""

    def __init__(self, told: list[str], bad: bool = False) -> None:
        super().__init__()
        self._told = told
        self._bad = bad

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        if self._bad:
            raise OSError("the port is taken")
        self._told.append("start")
        self.url = f"http://{host}/{len(self._told)}"

    def stop_server(self) -> None:
        self._told.append("stop")


class Shows(CountsOn):
    """Gives a new frontend each time it is asked."""

    def __init__(self, told: list[str], bad: bool = False) -> None:
        super().__init__()
        self._told = told
        self._bad = bad

    def configure_layout(self) -> Any:
        return Served(self._told, self._bad)


class Both(CountsOn):
    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self.good = Shows(told)
        self.bad = Shows(told, bad=True)


def test_an_app_whose_frontend_does_not_start_leaves_nothing_behind(place: Place) -> None:
    told: list[str] = []
    app = App(Both(told))
    with pytest.raises(OSError, match="port is taken"):
        app.run()
    assert (told, app.stage) == (["start", "stop"], AppStage.FAILED)
    (run,) = place.store.runs(kind="app")
    assert run.status is RunStatus.FAILED
    assert not os.path.exists(rendezvous(place.url, run.run_id))


class Days(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.day = 0

    def run(self) -> None:
        self.day += 1
        self.stop()


def test_what_was_kept_outlives_an_app_that_could_not_take_it_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    App(Days(), run_id="days").run()
    with monkeypatch.context() as patch:
        patch.setattr(Days, "_restore_", lambda *words: 1 / 0)
        for _ in range(5):  # each ends as soon as it has begun
            with pytest.raises(ZeroDivisionError):
                App(Days(), run_id="days").run()
            assert place.run("days").status is RunStatus.FAILED
    app = App(Days(), run_id="days")
    app.run()
    assert app.root.day == 2


def test_a_frontend_of_a_running_app_is_started_once(place: Place) -> None:
    told: list[str] = []
    app = App(Shows(told))
    view = Running(app)

    def steps() -> None:
        for _ in range(2):
            assert view.layout() == [{"name": "Shows", "content": "http://127.0.0.1/1"}]

    drive(app, steps)
    leave(view)
    assert told == ["start", "stop"]


@workflow.virtual_actor
class Tally:
    def __init__(self) -> None:
        self.n = 0

    def add(self, number: int) -> int:
        self.n += number
        return self.n


class Calling(Flow):
    """A flow that calls an actor, and goes on when the call is done."""

    def __init__(self) -> None:
        super().__init__()
        self.sums: list[int] = []
        self._call: Any = None

    def run(self) -> None:
        if self._call is None:
            self._call = Tally.get_or_create("tally").add.run_async(len(self.sums) + 1)
        elif self._call.done():
            self.sums.append(self._call.result())
            self._call = None
        if len(self.sums) == 3:
            self.stop()


def test_a_flow_can_call_an_actor(place: Place) -> None:
    app = App(Calling())
    app.run()
    assert app.root.sums == [1, 3, 6]
    assert workflow.get_status("tally") is workflow.SUCCESSFUL
