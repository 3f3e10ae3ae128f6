"""Programs that were written for Lightning apps, run as they are."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.app.apps import SEEDS, Running, collapsed, environment, masked, run, running, write
from tests.acceptance.kit import Place, wait_until

WORDS = ["NOT STARTED", "PENDING", "RUNNING", "SUCCESS", "RUNNING", "FAILED"]
PENDING = "WorkStatus(stage='pending', timestamp=…, reason=None, message=None, count=1)"
RUNNING = PENDING.replace("pending", "running")
SUCCEEDED = PENDING.replace("pending", "succeeded")
FAILED = "WorkStatus(stage='failed', timestamp=…, reason='user_exception', message='The provided value was 1', count=1)"
AS = ("--as", "lightning")


def stop(app: Running) -> None:
    app.process.send_signal(signal.SIGINT)
    assert app.wait_end() == 1


def compat(place: Place, *words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "manyhands.compat", "lightning", *map(str, words)],
        cwd=place.folder,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=100,
    )


# --- the seeds --------------------------------------------------------------------------------------------------


def test_the_stages_of_a_work(place: Place) -> None:
    with running(place, *AS, SEEDS / "lightning_status.py") as app:
        app.wait_for("FAILED")
        stop(app)
        lines = app.lines
    assert collapsed([line for line in lines if line in WORDS]) == WORDS
    stages = [masked(line) for line in lines if line.startswith("WorkStatus(")]
    not_started = PENDING.replace("pending", "not_started")
    assert collapsed(stages) == [not_started, PENDING, RUNNING, SUCCEEDED, RUNNING, FAILED]


def test_the_statuses_of_a_work_grow(place: Place) -> None:
    seed = (SEEDS / "lightning_statuses.py").read_text(encoding="utf-8")
    assert seed.count("self.statuses") == 1  # a slip of the document: a flow has none, its work has
    with running(place, *AS, write(place, seed.replace("self.statuses", "self.work.statuses"))) as app:
        app.wait_for("stage='failed'")
        stop(app)
        lists = [masked(line) for line in app.lines if line.startswith("[")]
    assert collapsed(lists) == [
        "[]",
        f"[{PENDING}]",
        f"[{PENDING}, {RUNNING}]",
        f"[{PENDING}, {RUNNING}, {SUCCEEDED}]",
        f"[{PENDING}, {RUNNING}]",
        f"[{PENDING}, {RUNNING}, {FAILED}]",
    ]


def test_the_statuses_of_a_flow_are_an_error_as_there(place: Place) -> None:
    done = run(place, *AS, SEEDS / "lightning_statuses.py")
    assert done.returncode == 1
    assert "AttributeError" in done.stderr and "statuses" in done.stderr


@pytest.mark.parametrize(
    ("program", "values"), [("lightning_cached.py", [1, 10]), ("lightning_uncached.py", [1] * 5 + [10])]
)
def test_calls_are_cached(place: Place, program: str, values: list[int]) -> None:
    expected = [f"I received the following props: args: () kwargs: {{'value': {value}}}" for value in values]
    done = compat(place, SEEDS / program)
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr
    as_app = run(place, *AS, SEEDS / program)
    assert [line for line in as_app.stdout.splitlines() if line.startswith("I received")] == expected
    assert as_app.returncode == 2 and "holds no apps" in as_app.stderr  # these two programs make none


def test_nothing_after_a_blocking_call_that_is_not_cached_is_reached(place: Place) -> None:
    with running(place, *AS, SEEDS / "lightning_blocked.py") as app:
        app.wait_for("HERE BEFORE")
        wait_until(lambda: app.lines.count("HERE BEFORE") >= 100, "the turns")
        assert app.process.poll() is None
        stop(app)
        lines = [line for line in app.lines if line.startswith("HERE")]
    assert set(lines) == {"HERE BEFORE"}


# --- whose names are served, and where ----------------------------------------------------------------------------

PARTS = """
    import os
    import lightning as L
    from lightning.app.storage import Payload

    class Part(L.LightningWork):
        def __init__(self):
            super().__init__()
            self.seen = None

        def run(self, value):
            import lightning_app
            self.seen = [value, lightning_app.LightningWork is L.LightningWork, os.getpid()]
    """

WHOLE = """
    import os
    import lightning as L
    from lightning.app.structures import List
    from parts import Part

    class Whole(L.LightningFlow):
        def __init__(self):
            super().__init__()
            compute = L.CloudCompute("gpu", disk_size=80)
            self.parts = List(Part(), Part())
            self.parts[0].cloud_compute = L.CloudCompute("cpu")
            self.parts[1].local_build_config = L.BuildConfig(requirements=["torch"])

        def run(self):
            for part in self.parts:
                part.run(5)
            assert all(part.seen[2] != os.getpid() for part in self.parts)
            self.stop(f"seen: {[part.seen[:2] for part in self.parts]}")

    app = L.LightningApp(Whole())
    """


def test_works_of_imported_modules_find_the_names(place: Place) -> None:
    write(place, PARTS, "parts.py")
    done = run(place, *AS, write(place, WHOLE))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "seen: [[5, True], [5, True]]"), done.stderr
    assert done.stderr.count("`CloudCompute` does nothing here") == 1
    assert done.stderr.count("`BuildConfig` does nothing here") == 1


@pytest.fixture
def installed(place: Place) -> Path:
    """A folder with packages of those names that somebody else has installed."""
    folder = place.folder / "installed"
    for name in ("lightning", "lightning_app"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("whose = 'theirs'\n", encoding="utf-8")
    return folder


def test_an_installed_package_loses_there_only(place: Place, installed: Path) -> None:
    program = write(place, "import lightning, lightning_app; print(lightning.whose, lightning_app.whose)")
    env = environment(place)
    env["PYTHONPATH"] = os.pathsep.join([str(installed), env["PYTHONPATH"]])
    ask = {"cwd": place.folder, "env": env, "capture_output": True, "text": True, "timeout": 100}
    plain = subprocess.run([sys.executable, str(program)], **ask)  # type: ignore[call-overload]
    assert plain.stdout == "theirs theirs\n"
    script = [sys.executable, "-m", "manyhands", "run", "script", *AS, str(program)]
    ours = subprocess.run(script, **ask)  # type: ignore[call-overload]
    assert ours.returncode == 1
    assert "lightning.whose is not covered here" in ours.stderr


def test_an_unknown_system_is_told(place: Place) -> None:
    done = run(place, "--as", "thunder", SEEDS / "lightning_status.py")
    assert done.returncode == 2
    assert "none of the systems whose names we have" in done.stderr


# --- tests of such programs ---------------------------------------------------------------------------------------

TESTS = """
    import pytest
    from lightning.app import LightningApp, LightningFlow, LightningWork
    from lightning.app.runners import MultiProcessRuntime
    from lightning.app.testing import EmptyFlow, EmptyWork, LightningTestApp, run_work_isolated
    from lightning.app.utilities.enum import AppStage, WorkFailureReasons, WorkStageStatus
    from lightning_app.utilities.app_status import WorkStatus

    class Counting(LightningWork):
        def __init__(self, **options):
            super().__init__(**options)
            self.counter = 0

        def run(self, bad=False):
            self.counter += 1
            if bad:
                raise ValueError("bad")

    class Flow(LightningFlow):
        def __init__(self, work, bad=False):
            super().__init__()
            self.work = work
            self.bad = bad

        def run(self):
            self.work.run(self.bad)
            self.stop()

    class Endless(LightningFlow):
        def __init__(self):
            super().__init__()
            self.counter = 0

        def run(self):
            self.counter += 1

    class ThreeTurns(LightningTestApp):
        def on_after_run_once(self):
            super().on_after_run_once()
            return self.root.counter >= 3

    class Served(LightningFlow):
        def __init__(self):
            super().__init__()
            self.work = Waiting(parallel=True, raise_exception=False)

        def run(self):
            self.work.run()
            if self.work.has_failed:
                self.stop()

    class Waiting(LightningWork):
        def run(self):
            import signal
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.url = "up"
            while True:
                signal.pause()

    class Killed(LightningTestApp):
        def on_after_run_once(self):
            if self.root.work.url == "up" and self.root.work.is_running:
                self.kill_work("root.work")

    def test_success():
        app = LightningApp(Flow(Counting()))
        told = []
        MultiProcessRuntime(app, start_server=False).dispatch(on_before_run=lambda runtime, app: told.append(app))
        assert (app.root.work.counter, app.stage, told) == (1, AppStage.STOPPING, [app])

    def test_failure():
        app = LightningApp(Flow(Counting(), bad=True))
        with pytest.raises(SystemExit, match="1"):
            MultiProcessRuntime(app, start_server=False).dispatch()
        assert app.stage == AppStage.FAILED
        stages = [status.stage for status in app.root.work.statuses]
        assert stages[:3] == [WorkStageStatus.PENDING, WorkStageStatus.RUNNING, WorkStageStatus.FAILED]
        assert set(stages[3:]) == {WorkStageStatus.STOPPED}

    def test_alone():
        work = Counting(raise_exception=False)
        run_work_isolated(work, bad=True)
        assert work.has_failed and work.status.reason == WorkFailureReasons.USER_EXCEPTION
        assert isinstance(work.status, WorkStatus) and work.counter == 1

    def test_turns():
        app = ThreeTurns(Endless())
        MultiProcessRuntime(app, start_server=False).dispatch()
        assert app.root.counter == app.counter == 3

    def test_a_killed_work_is_seen():
        app = Killed(Served())
        MultiProcessRuntime(app, start_server=False).dispatch()
        assert "failed" in [status.stage for status in app.root.work.statuses]

    def test_old_names():
        with pytest.deprecated_call(), pytest.raises(BaseException, match="bye"):
            EmptyFlow()._exit("bye")
        assert not EmptyWork().has_started
    """


def test_test_files_run_as_they_are(place: Place) -> None:
    write(place, TESTS, "test_program.py")
    done = compat(place, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_program.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b6 passed", done.stdout)


# --- the app of a file, run by a program --------------------------------------------------------------------------


def test_dispatch_of_a_file_with_its_commands(place: Place) -> None:
    app = """
        # An app.
        # !echo first >> commands.txt
        #! echo second >> commands.txt

        # !echo never >> commands.txt
        import os
        import lightning as L

        class Once(L.LightningFlow):
            def run(self):
                self.stop("ran with " + os.environ["COLOUR"])

        app = L.LightningApp(Once(), debug=True)
        """
    starter = """
        from lightning.app.runners import dispatch
        dispatch("whole.py", "multiprocess", False, env_vars={"COLOUR": "red"}, run_app_comment_commands=True)
        """
    write(place, app.strip("\n"), "whole.py")
    done = compat(place, write(place, starter))
    assert (done.returncode, done.stdout) == (0, "ran with red\n"), done.stderr
    assert (place.folder / "commands.txt").read_text() == "first\nsecond\n"
