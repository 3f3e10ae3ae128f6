"""`manyhands run app`: its messages, its exit codes, and what it leaves behind."""

import signal
import subprocess
import sys

import pytest

from manyhands.model.states import RunStatus
from tests.acceptance.app.apps import run, running, write
from tests.acceptance.kit import Place, family, noted, wait_for_file, wait_gone, wait_until

HEAD = """
import os, sys, time
from manyhands.app import App, Flow, Work

class Sleeps(Work):
    def run(self):
        with open("here", "a") as file:
            file.write("begun" + chr(10))
        time.sleep(60)

    def on_exit(self):
        with open("here", "a") as file:
            file.write("left" + chr(10))
"""

STARTING = "Your Manyhands app is starting. This won't take long."
STARTED = "INFO: Your app has started."
STOPPING = "INFO: Your Manyhands app is being stopped. This won't take long."
STOPPED = "INFO: Your Manyhands app has been stopped successfully!"


def flow(body: str, *more: str) -> str:
    lines = "\n        ".join(body.splitlines())
    return (
        f"{HEAD}\nclass Main(Flow):\n    def __init__(self):\n        super().__init__()\n        self.count = 0\n"
        f"        self.work = Sleeps(parallel=True)\n    def run(self):\n        {lines}\napp = App(Main())\n"
        + "\n".join(more)
    )


def test_an_app_that_stops_itself(place: Place) -> None:
    program = write(place, flow("print('tick', os.environ['COLOUR'], sys.argv[1:])\nself.stop('enough')"))
    done = run(place, program, "--env", "COLOUR=blue", "--app_args", "--a 1", "--app_args", "b")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [STARTING, "tick blue ['--a', '1', 'b']", "enough"]
    assert done.stderr.splitlines() == [STARTED, STOPPING, STOPPED]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("self.fail('no way')", "no way"),
        ("raise ValueError('a bug')", "ValueError: a bug"),
        ("self.nothing = 1", "nothing"),
        ("sys.exit(3)", "its flow has called `sys.exit(3)`"),
        ("self.work.run(1, 2)", "TypeError"),
    ],
)
def test_an_app_that_fails(place: Place, body: str, said: str) -> None:
    done = run(place, write(place, flow(body)))
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert STOPPED not in done.stderr
    (record,) = place.store.runs(kind="app")
    assert record.status is RunStatus.FAILED


def test_a_traceback_begins_in_the_users_code(place: Place) -> None:
    done = run(place, write(place, flow("raise ValueError('a bug')")))
    trace = done.stderr[done.stderr.index("Traceback") :].splitlines()
    assert "program.py" in trace[1]


def test_ctrl_c(place: Place) -> None:
    with running(place, write(place, flow("self.work.run()"))) as app:
        app.wait_for(STARTED)
        wait_begun(place)
        mine = family(app.process.pid)
        app.process.send_signal(signal.SIGINT)
        assert app.wait_end() == 1
        assert app.lines[-1] == "Aborted!"
        wait_gone(mine)
    assert noted(place.folder / "here") == ["begun", "left"]
    (record,) = place.store.runs(kind="app")
    assert record.status is RunStatus.CANCELED


def test_sigterm_stops_the_app_in_order_and_leaves_no_process(place: Place) -> None:
    with running(place, write(place, flow("self.work.run()"))) as app:
        wait_begun(place)
        mine = family(app.process.pid)
        app.process.terminate()
        assert app.wait_end() == 143
        wait_gone(mine)
    assert noted(place.folder / "here") == ["begun", "left"]


def test_sigkill_of_the_app_leaves_no_process(place: Place) -> None:
    with running(place, write(place, flow("self.work.run()"))) as app:
        wait_begun(place)
        mine = family(app.process.pid)
        assert mine
        app.process.kill()
        app.process.wait()
        wait_gone(mine)
    assert noted(place.folder / "here") == ["begun", "left"]


def wait_begun(place: Place) -> None:
    wait_until(lambda: noted(place.folder / "here"), "the work")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "program.py holds no apps"),
        (flow("pass", "other = App(Main())"), "program.py holds 2 apps"),
        ("from manyhands.app import App, Flow\nclass F(Flow): pass\napp = App(F())", "does not override the `run()`"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_that_is_no_app(place: Place, text: str, said: str) -> None:
    done = run(place, write(place, text))
    assert done.returncode != 0
    assert said in done.stderr


def test_the_same_app_under_two_names_is_one(place: Place) -> None:
    assert run(place, write(place, flow("self.stop()", "again = app"))).returncode == 0


def test_a_missing_file(place: Place) -> None:
    done = run(place, "nowhere.py")
    assert done.returncode == 1
    assert "The provided entrypoint `nowhere.py` doesn't exist." in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--env", "COLOUR"], "NAME=VALUE"), (["--open-ui", "maybe"], "true or false"), (["--blocking", "true"], "page")],
)
def test_wrong_options(place: Place, words: list[str], said: str) -> None:
    done = run(place, write(place, flow("self.stop()")), *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_other_commands_show_it(place: Place) -> None:
    program = write(place, flow("self.stop()"))
    assert run(place, program, "--id", "shown").returncode == 0
    for words in (
        ["runs", "show", "shown"],
        ["tasks", "list", "shown"],
        ["why", "shown"],
        ["events", "--run", "shown"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "manyhands", *words, "--store", place.url], capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done.stderr)
        assert "succeeded" in done.stdout


FICKLE = """
import os
from manyhands.app import App, Flow, Work

class Fickle(Work):
    def run(self):
        if not os.path.exists("good"):
            raise ValueError("not good")

class Main(Flow):
    def __init__(self):
        super().__init__()
        self.work = Fickle(raise_exception=False)

    def run(self):
        if self.work.has_failed:
            open("failed", "w").close()
        self.work.run()
        self.stop("now it is good")

app = App(Main())
"""


def manyhands(place: Place, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "manyhands", *words, "--store", place.url], capture_output=True, text=True
    )


def test_a_failed_call_can_be_made_again_from_elsewhere(place: Place) -> None:
    program = write(place, FICKLE)
    with running(place, program, "--id", "fickle") as app:
        wait_for_file(place.folder / "failed")
        refused = manyhands(place, "tasks", "retry", "fickle", "app")
        assert (refused.returncode, "nothing to try again" in refused.stderr) == (4, True)
        (place.folder / "good").touch()
        done = manyhands(place, "tasks", "retry", "fickle", "root.work")
        assert done.returncode == 0, done.stderr
        assert app.wait_end() == 0
        assert "now it is good" in app.lines
    late = manyhands(place, "tasks", "retry", "fickle", "root.work")
    assert (late.returncode, "does not run" in late.stderr) == (4, True)
    resumed = manyhands(place, "runs", "resume", "fickle")
    assert (resumed.returncode, "--id fickle" in resumed.stderr) == (2, True)


def test_an_app_can_be_canceled_from_elsewhere(place: Place) -> None:
    """It ends when its works have left, long before their grace is over."""
    with running(place, write(place, flow("self.work.run()")), "--id", "long") as app:
        wait_begun(place)
        assert manyhands(place, "runs", "cancel", "long").returncode == 0
        assert app.wait_end() == 1
        assert any("The app long was canceled." in line for line in app.lines)
    assert noted(place.folder / "here") == ["begun", "left"]
    assert place.run("long").status is RunStatus.CANCELED


@pytest.mark.parametrize("start", ["app.run()", "if __name__ == '__main__':\n    app.run(blocking=True)"])
def test_a_file_that_runs_its_app_leaves_that_to_the_command(place: Place, start: str) -> None:
    """It runs once, under the name that the command gives it, whether or not `python FILE` would run it too."""
    program = write(place, flow("print('lived')\nself.stop()", start, "print('loaded')"))
    done = run(place, program, "--id", "daily")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [STARTING, "loaded", "lived"]
    assert [record.run_id for record in place.store.runs(kind="app")] == ["daily"]


def test_an_app_that_is_run_but_has_no_name_in_its_file(place: Place) -> None:
    program = write(place, flow("self.stop('lived')").replace("app = App(Main())", "App(Main()).run()"))
    assert run(place, program).stdout.splitlines() == [STARTING, "lived"]


def test_a_file_for_another_system_is_told_how_to_run(place: Place) -> None:
    done = run(place, write(place, "import lightning.app.core\n"))
    assert done.returncode == 1
    assert "--as lightning" in done.stderr
