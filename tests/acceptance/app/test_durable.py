"""Apps that are kept: killed with SIGKILL and run again, they go on where they were."""

import os
import signal

import pytest

from manyhands.engine.context import client
from manyhands.engine.inspect import Inspect
from manyhands.engine.liveness import Liveness
from manyhands.engine.why import explain
from manyhands.model.errors import RunNotResumable
from manyhands.model.specs import WORK
from manyhands.model.states import TASK_TERMINAL, RunStatus, TaskStatus
from tests.acceptance.app.apps import run, running, write
from tests.acceptance.kit import Place, family, noted, wait_gone, wait_until

FAILED = TaskStatus.FAILED

KEPT = """
import os, sys, time
from manyhands.app import App, Flow, Work

LEDGER, PIPE = sys.argv[1:3]

def note(word):
    with open(LEDGER, "a") as file:
        file.write(word + chr(10))

class Step(Work):
    def __init__(self):
        super().__init__()
        self.done = []

    def run(self, name):
        note(f"begin {name} {os.getpid()}")
        self.done.append(name)
        if name == "second":
            with open(PIPE) as file:
                file.read()
        note(f"end {name}")

class Main(Flow):
    def __init__(self):
        super().__init__()
        self.work = Step()
        self.day = 0

    def run(self):
        self.work.run("first")
        self.day = max(self.day, 1)
        self.work.run("second")
        self.day = 2
        note(f"day {self.day} done {self.work.done} successes {self.work.num_successes}")
        self.stop()

app = App(Main())
"""


def test_an_app_that_was_killed_goes_on_and_does_nothing_twice_that_is_done(place: Place) -> None:
    program = write(place, KEPT)
    ledger, pipe = place.folder / "ledger", place.folder / "pipe"
    os.mkfifo(pipe)
    words = [program, "--id", "daily", "--app_args", f"{ledger} {pipe}"]
    with running(place, *words) as app:
        wait_until(lambda: any("begin second" in line for line in noted(ledger)), "the second call")
        mine = family(app.process.pid)
        app.process.kill()
        app.process.wait()
        wait_gone(mine)
    with running(place, *words) as app:
        wait_until(lambda: sum("begin second" in line for line in noted(ledger)) == 2, "the second call again")
        pipe.write_text("go on")
        assert app.wait_end() == 0, app.lines
    lines = [line.rsplit(" ", 1)[0] if line.startswith("begin") else line for line in noted(ledger)]
    assert lines[:4] == ["begin first", "end first", "begin second", "begin second"]
    assert lines[4] == "end second"
    assert lines[5].startswith("day 2 done")
    assert lines[5].endswith("successes 2")
    assert place.run("daily").status is RunStatus.SUCCEEDED
    done = run(place, *words)
    assert done.returncode == 0, done.stderr
    assert noted(ledger)[6:] == [noted(ledger)[5]]


def test_an_app_that_is_interrupted_can_be_taken_up(place: Place) -> None:
    program = write(place, KEPT)
    ledger, pipe = place.folder / "ledger", place.folder / "pipe"
    os.mkfifo(pipe)
    words = [program, "--id", "kept", "--app_args", f"{ledger} {pipe}"]
    with running(place, *words) as app:
        wait_until(lambda: any("begin second" in line for line in noted(ledger)), "the second call")
        mine = family(app.process.pid)
        app.process.send_signal(signal.SIGINT)
        assert app.wait_end() == 1
        wait_gone(mine)
    assert place.run("kept").status is RunStatus.RESUMABLE
    with running(place, *words) as app:
        wait_until(lambda: sum("begin second" in line for line in noted(ledger)) == 2, "the second call again")
        pipe.write_text("go on")
        assert app.wait_end() == 0, app.lines
    assert sum("begin first" in line for line in noted(ledger)) == 1


MENDED = """
import os, sys
from manyhands.app import App, Flow, Work

LEDGER, CURED = sys.argv[1:3]

class Fragile(Work):
    def run(self):
        with open(LEDGER, "a") as file:
            file.write("try" + chr(10))
        if not os.path.exists(CURED):
            raise ValueError("broken")

class Main(Flow):
    def __init__(self):
        super().__init__()
        self.work = Fragile(raise_exception=False, parallel=True)

    def run(self):
        self.work.run()
        if self.work.has_succeeded and os.path.exists(LEDGER + ".noted") is False:
            open(LEDGER + ".noted", "w").close()

app = App(Main())
"""


def driver_of(place: Place, run_id: str) -> int | None:
    engine = place.run(run_id).engine
    return None if engine is None else engine.pid


def test_a_call_that_was_retried_and_succeeded_is_not_made_again(place: Place) -> None:
    """The try that failed is of no account any more, also after a restart."""
    program = write(place, MENDED)
    ledger, cured = place.folder / "ledger", place.folder / "cured"
    words = [program, "--id", "mended", "--app_args", f"{ledger} {cured}"]
    with running(place, *words) as app:
        wait_until(lambda: place.store.run("mended") is not None, "the run")
        wait_until(
            lambda: [task.status for task in place.tasks("mended") if task.kind == WORK] == [FAILED], "the failure"
        )
        cured.touch()
        client().retry("mended", "root.work")
        wait_until(lambda: (place.folder / "ledger.noted").exists(), "the success")
        wait_until(lambda: place.tasks("mended")[-1].status is TaskStatus.SUCCEEDED, "the end of the call")
        for name in ("root.work", "root.work_1"):
            with pytest.raises(RunNotResumable, match=r"root\.work_1 is succeeded"):
                client().retry("mended", name)
        app.process.kill()
        app.process.wait()
    for _ in range(2):
        with running(place, *words) as app:
            wait_until(lambda: driver_of(place, "mended") == app.process.pid, "the app")
            wait_until(lambda: all(t.status in TASK_TERMINAL for t in place.tasks("mended") if t.kind == WORK), "rest")
            app.process.terminate()
            app.wait_end()
    assert noted(ledger) == ["try", "try"]


LAST_WORDS = """
import os, sys, time
from collections import Counter, defaultdict
from manyhands.app import App, Dict, Flow, Work

LEDGER = sys.argv[1]

def note(text):
    with open(LEDGER, "a") as file:
        file.write(text + chr(10))

class Long(Work):
    def __init__(self):
        super().__init__(parallel=True)
        self.at = 0
        self.counts = Counter()

    def run(self):
        self.counts["runs"] += 1
        note(f"begin at {self.at}, {dict(self.counts)}")
        while True:
            time.sleep(0.01)

    def on_exit(self):
        self.at += 7

class Main(Flow):
    def __init__(self):
        super().__init__()
        self.work = Long()
        self.many = Dict(x=Long())
        self.seen = defaultdict(list)

    def run(self):
        self.work.run()
        self.many["x"].run()
        if self.work.is_running:
            self.seen["runs"].append(1)

app = App(Main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_works_set_when_they_leave_is_there_when_the_app_goes_on(place: Place, number: int) -> None:
    program = write(place, LAST_WORDS)
    ledger = place.folder / "ledger"
    words = [program, "--id", "last", "--app_args", str(ledger)]
    for life in (1, 2):
        with running(place, *words) as app:
            wait_until(lambda begun=2 * life: len(noted(ledger)) == begun, "both calls")  # type: ignore[misc]
            app.process.send_signal(number)
            app.wait_end()
    begun = [f"begin at {7 * life}, {{'runs': {life + 1}}}" for life in (0, 1)]
    assert noted(ledger) == [line for line in begun for _ in range(2)]


def test_one_name_is_for_one_app_at_a_time(place: Place) -> None:
    program = write(place, KEPT)
    ledger, pipe = place.folder / "ledger", place.folder / "pipe"
    os.mkfifo(pipe)
    words = [program, "--id", "once", "--app_args", f"{ledger} {pipe}"]
    with running(place, *words):
        wait_until(lambda: any("begin second" in line for line in noted(ledger)), "the second call")
        second = run(place, *words)
        assert second.returncode != 0
        assert "once" in second.stderr


LATER = """
import os, sys, time
from manyhands.app import App, Dict, Flow, Work

LEDGER, GATE = sys.argv[1:3]

class Step(Work):
    def run(self, name):
        with open(LEDGER, "a") as file:
            file.write(f"begin {name}" + chr(10))
        while name == "second" and not os.path.exists(GATE):
            time.sleep(0.01)

class Main(Flow):
    def __init__(self):
        super().__init__()
        self.steps = Dict()

    def run(self):
        for name in ("first", "second"):
            if name not in self.steps:
                self.steps[name] = Step()
            self.steps[name].run(name)
        self.stop()

app = App(Main())
"""


def test_works_that_the_flow_makes_as_it_goes_go_on_too(place: Place) -> None:
    program = write(place, LATER)
    ledger, gate = place.folder / "ledger", place.folder / "gate"
    words = [program, "--id", "grows", "--app_args", f"{ledger} {gate}"]
    with running(place, *words) as app:
        wait_until(lambda: "begin second" in noted(ledger), "the second call")
        mine = family(app.process.pid)
        app.process.kill()
        app.process.wait()
        wait_gone(mine)
    with running(place, *words) as app:
        wait_until(lambda: noted(ledger).count("begin second") >= 2, "the second call again")
        gate.touch()
        assert app.wait_end() == 0, app.lines
    # The process that is begun before the flow has made its work is ended; its call may have begun by then.
    assert noted(ledger) in [["begin first", *["begin second"] * times] for times in (2, 3)]


def test_why_says_how_an_app_is_taken_up(place: Place) -> None:
    program = write(place, KEPT)
    ledger, pipe = place.folder / "ledger", place.folder / "pipe"
    os.mkfifo(pipe)
    with running(place, program, "--id", "kept", "--app_args", f"{ledger} {pipe}") as app:
        wait_until(lambda: any("begin second" in line for line in noted(ledger)), "the second call")
        app.process.kill()
        app.process.wait()
    told = explain(Inspect(place.store, Liveness()), "kept").lines()
    assert any("`manyhands run app FILE --id kept`" in line for line in told), told
    assert not any("runs resume" in line for line in told), told
