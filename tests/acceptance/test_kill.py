"""Kills: of a worker, of the driver, of both; who goes on, and what is left running."""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from manyhands import workflow
from manyhands.model.errors import OutputNotReady, WorkerLost
from manyhands.model.states import AttemptStatus, Cause
from tests.acceptance.kit import (
    LONG_GRACE,
    PATIENCE,
    Place,
    family,
    is_alive,
    note,
    noted,
    run_program,
    running,
    tally,
    wait_for_file,
    wait_gone,
    wait_until,
)


def pids_in(ledger: Path, name: str) -> list[int]:
    return [int(line.split()[1]) for line in noted(ledger) if line.split()[0] == name]


def wait_for_branches(ledger: Path, count: int = 2) -> list[int]:
    wait_until(lambda: len(pids_in(ledger, "branch")) >= count, "the start of both branches")
    return pids_in(ledger, "branch")[-2:]


def names_in(ledger: Path) -> dict[str, int]:
    names: dict[str, int] = {}
    for line in noted(ledger):
        names[line.split()[0]] = names.get(line.split()[0], 0) + 1
    return names


# --- a worker ------------------------------------------------------------------------------------------------------


def test_a_worker_killed_in_the_middle_of_a_step(place: Place, tmp_path: Path) -> None:
    """The step is tried again in another process; the journal says that the attempt was lost, and by which signal."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"

    @workflow.step(name="victim")
    def victim() -> int:
        note(ledger, f"victim {os.getpid()}")
        if len(noted(ledger)) == 1:
            wait_for_file(gate, 1000)
        return len(noted(ledger))

    reference = victim.step().run_async("killed")
    wait_for_file(ledger)
    os.kill(pids_in(ledger, "victim")[0], signal.SIGKILL)
    assert reference.result(30) == 2
    first, second = place.attempts("killed", "victim")
    assert (first.end.status, first.end.cause, first.end.signal) == (AttemptStatus.LOST, Cause.LOST, signal.SIGKILL)
    assert "SIGKILL" in first.end.message
    assert second.end.status is AttemptStatus.SUCCEEDED
    assert len(set(pids_in(ledger, "victim"))) == 2
    states = [(event.state, event.reason, event.attempt) for event in place.events("killed", "victim")]
    assert states == [
        ("pending", "called", 0),
        ("running", "started", 1),
        ("pending", "retry", 1),
        ("running", "started", 2),
        ("succeeded", "done", 2),
    ]


def test_budgets_are_counted_apart(place: Place, tmp_path: Path) -> None:
    """Lost workers do not burn the tries meant for the user's errors, nor the other way round."""
    ledger = tmp_path / "ledger"

    @workflow.step(name="both", max_retries=3, retry_lost=3)
    def both() -> int:
        note(ledger, "both")
        number = len(noted(ledger))
        if number in (1, 3):
            os.kill(os.getpid(), signal.SIGKILL)
        if number in (2, 4):
            raise ValueError(number)
        return number

    assert both.step().run("mixed") == 5
    causes = [attempt.end.cause for attempt in place.attempts("mixed", "both")]
    assert causes == [Cause.LOST, Cause.ERROR, Cause.LOST, Cause.ERROR, None]


@pytest.mark.parametrize(("budget", "attempts"), [(1, 1), (2, 2), (None, 3)])
def test_a_step_that_always_dies(place: Place, tmp_path: Path, budget: int | None, attempts: int) -> None:
    """It is tried as often as its budget for lost workers says, three times by default."""
    ledger = tmp_path / "ledger"

    @workflow.step(name="dies", max_retries=1, retry_lost=budget)
    def dies() -> None:
        note(ledger, "dies")
        os._exit(3)

    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        dies.step().run("dead")
    assert isinstance(caught.value.__cause__, WorkerLost)
    assert "code 3" in str(caught.value.__cause__)
    assert tally(ledger) == {"dies": attempts}
    assert [attempt.end.exit_code for attempt in place.attempts("dead", "dies")] == [3] * attempts
    assert workflow.get_status("dead") is workflow.RESUMABLE


def test_a_lost_worker_that_is_caught(place: Place) -> None:
    """`catch_exceptions` also catches the loss of the worker, once its budget is spent."""

    @workflow.step(catch_exceptions=True, retry_lost=1)
    def dies() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    value, error = dies.step().run("caught")
    assert value is None
    assert isinstance(error, WorkerLost)
    assert workflow.get_status("caught") is workflow.SUCCESSFUL


# --- the driver ----------------------------------------------------------------------------------------------------


def test_the_driver_killed(place: Place, tmp_path: Path) -> None:
    """The run is resumable at once, the driver's workers are gone long before their grace is over, and a resume does
    only what was not done."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place, **LONG_GRACE) as driver:
        wait_for_branches(ledger)
        workers = family(driver.pid)
        assert len(workers) >= 3, "the driver has two workers and their fork server"
        assert workflow.get_status("driven") is workflow.RUNNING
        driver.kill()
        driver.wait()
        assert workflow.get_status("driven") is workflow.RESUMABLE
        wait_gone(workers)
    gate.touch()
    assert workflow.resume("driven").result(30) == 4
    assert names_in(ledger) == {"first": 1, "branch": 4, "join": 1}
    lost = place.attempts("driven", "left")[0].end
    assert (lost.status, lost.cause) == (AttemptStatus.LOST, Cause.LOST)


def test_the_driver_and_its_workers_killed(place: Place, tmp_path: Path) -> None:
    """Nothing of the process tree is left to say anything; the store alone is enough."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place) as driver:
        workers = wait_for_branches(ledger)
        for pid in [*workers, driver.pid]:
            os.kill(pid, signal.SIGKILL)
        driver.wait()
    assert workflow.get_status("driven") is workflow.RESUMABLE
    gate.touch()
    assert workflow.resume("driven").result(30) == 4
    assert names_in(ledger)["first"] == 1


def test_workers_killed_and_then_the_driver(place: Place, tmp_path: Path) -> None:
    """First the two workers, which are replaced; then the driver in the middle of the second try."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place) as driver:
        for pid in wait_for_branches(ledger):
            os.kill(pid, signal.SIGKILL)
        wait_for_branches(ledger, 4)
        driver.kill()
        driver.wait()
    gate.touch()
    assert workflow.resume("driven").result(30) == 4
    attempts = place.attempts("driven", "left")
    assert [attempt.end.status for attempt in attempts] == [
        AttemptStatus.LOST,
        AttemptStatus.LOST,
        AttemptStatus.SUCCEEDED,
    ]
    assert [attempt.number for attempt in attempts] == [1, 2, 3]


def test_a_resume_in_a_fresh_process(place: Place, tmp_path: Path) -> None:
    """By the command line, in a process that has never seen the steps' file."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place) as driver:
        wait_for_branches(ledger)
        driver.kill()
        driver.wait()
    gate.touch()
    script = tmp_path / "go_on.py"
    script.write_text("from manyhands import workflow\nprint(workflow.resume('driven').result())\n", encoding="utf-8")
    assert "4" in run_program(script, place=place).split()


# --- who goes on ---------------------------------------------------------------------------------------------------


def test_an_engine_takes_over_what_a_killed_driver_left(place: Place, tmp_path: Path) -> None:
    """`python -m manyhands engine start`: nobody has to ask."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place) as driver:
        wait_for_branches(ledger)
        driver.kill()
        driver.wait()
    gate.touch()
    module = Path(sys.modules["manyhands"].__file__ or "").parent / "__main__.py"
    with running(module, "engine", "start", "--store", place.url, place=place):
        wait_until(lambda: workflow.get_status("driven") is workflow.SUCCESSFUL, "the end of the run")
    assert workflow.get_output("driven").result() == 4
    assert names_in(ledger) == {"first": 1, "branch": 4, "join": 1}
    assert place.run("driven").takeovers == 1


def test_an_engine_in_the_background(place: Place, tmp_path: Path) -> None:
    """`engine start --background` returns when it is there; it runs what is handed over, until `engine stop`."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    gate.touch()
    script = tmp_path / "engine.py"
    script.write_text("from manyhands.cli.main import main\nmain()\n", encoding="utf-8")
    run_program(script, "engine", "start", "--background", place=place)
    try:
        run_program("driver.py", ledger, gate, "detach", place=place)
        wait_until(lambda: workflow.get_status("driven") is workflow.SUCCESSFUL, "the end of the run")
        services = [found for found in place.store.engines() if found.kind == "service"]
        assert [is_alive(found.pid) for found in services] == [True]
    finally:
        run_program(script, "engine", "stop", place=place)
    assert not is_alive(services[0].pid)
    assert workflow.get_output("driven").result() == 4


def test_an_engine_leaves_alone_what_is_driven(place: Place, tmp_path: Path) -> None:
    """Its looking round does not disturb a living driver."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("serve.py", place=place), running("driver.py", ledger, gate, place=place) as driver:
        wait_for_branches(ledger)
        wait_until(lambda: len(place.store.engines()) >= 2, "the engine")
        gate.touch()
        assert driver.wait(30) == 0
    assert names_in(ledger) == {"first": 1, "branch": 2, "join": 1}
    assert place.run("driven").epoch == 1


def test_a_run_that_kills_its_driver_is_taken_up_so_often_only(place: Place, tmp_path: Path) -> None:
    """A poisonous inplace step takes down three engines, not a fourth."""
    ledger = tmp_path / "ledger"
    script = tmp_path / "poison.py"
    script.write_text(
        "import os, signal, sys\n"
        "from manyhands import workflow\n"
        "from tests.acceptance.kit import note\n"
        "@workflow.step(allow_inplace=True)\n"
        "def poison(ledger):\n"
        "    note(ledger, 'poison')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    poison.step(sys.argv[1]).run('poison')\n",
        encoding="utf-8",
    )
    run_program(script, ledger, place=place, expect=-signal.SIGKILL)
    for number in range(2, 5):
        with running("serve.py", place=place) as service:
            assert service.wait(30) == -signal.SIGKILL
        assert len(noted(ledger)) == number
    with running("serve.py", place=place) as service:
        living = [found.pid for found in place.store.engines()]
        wait_until(lambda: service.pid in {found.pid for found in place.store.engines()}, f"another than {living}")
        time.sleep(1.0)  # it must do nothing, and nothing tells when it has not
        assert service.poll() is None
    assert len(noted(ledger)) == 4
    assert workflow.get_status("poison") is workflow.RESUMABLE


def test_whoever_waits_hears_that_a_run_was_given_up(place: Place) -> None:
    """A detached run that takes down every engine: its reference waits as long as another may take it up."""

    @workflow.step(allow_inplace=True)
    def poison() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    reference = poison.step().run_async("poison", detach=True)
    for _ in range(4):
        assert not reference.done()
        with running("serve.py", place=place) as service:
            assert service.wait(30) == -signal.SIGKILL
    with pytest.raises(OutputNotReady, match="taken up 3 times, and is left alone now"):
        reference.result(30)
    assert workflow.get_status("poison") is workflow.RESUMABLE


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_detached_run_outlives_its_script(place: Place, tmp_path: Path, how: str) -> None:
    """`run_async(detach=True)`: a cancel from here still reaches it, wherever it runs."""
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    with running("serve.py", place=place, **LONG_GRACE) as service:
        run_program("detached.py", how, gate, ledger, place=place, expect=0 if how == "exit" else -signal.SIGKILL)
        wait_for_file(ledger)
        workers = family(service.pid)
        workflow.cancel("detached")
        assert workflow.get_status("detached") is workflow.CANCELED
        wait_until(lambda: [pid for pid in workers if not is_alive(pid)], "the end of the worker")
        assert service.poll() is None
        assert workflow.step(lambda: 7).step().run_async("next", detach=True).result(30) == 7


def test_two_processes_on_one_store(place: Place) -> None:
    """Each drives its own runs; no error, nothing lost, nothing mixed up."""
    with running("in_two.py", "one", 12, place=place) as one, running("in_two.py", "two", 12, place=place) as two:
        for number in range(5):
            assert workflow.step(lambda value: value + 1).step(number).run(f"here {number}") == number + 1
        assert (one.wait(60), two.wait(60)) == (0, 0)
    statuses = dict(workflow.list_all())
    assert len(statuses) == 12 + 12 + 5
    assert set(statuses.values()) == {workflow.SUCCESSFUL}


# --- cancel --------------------------------------------------------------------------------------------------------


def test_cancel_from_another_process_stops_the_step(place: Place, tmp_path: Path) -> None:
    """Its process ends, and so does what that has started; the lock it held is free."""
    lock, flag = tmp_path / "lock", tmp_path / "flag"
    script = tmp_path / "locker.py"
    script.write_text(
        "import fcntl, os, subprocess, sys\n"
        "from manyhands import workflow\n"
        "from tests.acceptance.kit import note, wait_for_file\n"
        "@workflow.step\n"
        "def hold(lock, flag):\n"
        "    with open(lock, 'w') as file:\n"
        "        fcntl.flock(file, fcntl.LOCK_EX)\n"
        "        child = subprocess.Popen(['sleep', '1000'])\n"
        "        note(flag, f'{os.getpid()} {child.pid}')\n"
        "        wait_for_file(flag + '.never', 1000)\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        hold.step(*sys.argv[1:]).run('locked')\n"
        "    except workflow.WorkflowCancellationError:\n"
        "        sys.exit(17)\n",
        encoding="utf-8",
    )
    with running(script, lock, flag, place=place, **LONG_GRACE) as driver:
        wait_until(lambda: noted(flag), "the pids")
        pids = [int(pid) for pid in noted(flag)[0].split()]
        workflow.cancel("locked")
        assert workflow.get_status("locked") is workflow.CANCELED
        wait_gone(pids)
        with open(lock, "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert driver.wait(PATIENCE) == 17
    assert workflow.get_status("locked") is workflow.CANCELED


def test_cancel_of_a_run_that_nobody_drives(place: Place, tmp_path: Path) -> None:
    """A resumable run can be canceled; nobody takes it up afterwards but who asks for it."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("driver.py", ledger, gate, place=place) as driver:
        wait_for_branches(ledger)
        driver.kill()
        driver.wait()
    workflow.cancel("driven")
    assert workflow.get_status("driven") is workflow.CANCELED
    assert workflow.resume_all(include_failed=True) == []
    gate.touch()
    assert workflow.resume("driven").result(30) == 4


def test_cancel_of_a_run_that_waits_for_an_engine(place: Place, tmp_path: Path) -> None:
    """Detached and pending: it never begins."""
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    run_program("detached.py", "exit", gate, ledger, place=place)
    workflow.cancel("detached")
    assert workflow.get_status("detached") is workflow.CANCELED
    with running("serve.py", place=place):
        assert workflow.step(lambda: 7).step().run_async("next", detach=True).result(30) == 7
    assert noted(ledger) == []


def test_cancel_of_a_step_that_ignores_the_first_signal(place: Place, tmp_path: Path) -> None:
    """SIGTERM may be ignored, SIGKILL after the grace period may not."""
    place.use(grace_seconds=0.3)
    flag = tmp_path / "flag"

    @workflow.step
    def stubborn() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note(flag, str(os.getpid()))
        wait_for_file(tmp_path / "never", 1000)

    reference = stubborn.step().run_async("stubborn")
    wait_until(lambda: noted(flag), "the step")
    workflow.cancel("stubborn")
    wait_gone([int(noted(flag)[0])])
    with pytest.raises(workflow.WorkflowCancellationError):
        reference.result(PATIENCE)


# --- Ctrl-C --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["process", "inline"])
def test_an_interrupted_script_leaves_a_resumable_run(place: Place, tmp_path: Path, where: str) -> None:
    """SIGINT to the whole process group, as a terminal sends it: KeyboardInterrupt in `.run()`, no process left."""
    flag = tmp_path / "flag"
    with running("interrupted.py", flag, where, place=place, **LONG_GRACE) as script:
        wait_until(lambda: noted(flag), "the step")
        processes = [script.pid, *family(script.pid)]
        os.killpg(script.pid, signal.SIGINT)
        assert script.wait(PATIENCE) == -signal.SIGINT
        wait_gone(processes)
    output = (tmp_path / "output.txt").read_text(encoding="utf-8")
    assert "KeyboardInterrupt" in output
    assert workflow.get_status("interrupted") is workflow.RESUMABLE
    (tmp_path / "flag.gate").touch()
    assert workflow.resume("interrupted").result(30) is None
    assert len(noted(flag)) == 2


def test_a_script_that_ends_early_leaves_nothing_behind(place: Place, tmp_path: Path) -> None:
    """`run_async` without detaching, and the script ends: its run is resumable at once, its workers are stopped."""
    flag = tmp_path / "flag"
    script = tmp_path / "early.py"
    script.write_text(
        "import os, sys\n"
        "from manyhands import workflow\n"
        "from tests.acceptance.kit import note, noted, wait_for_file, wait_until\n"
        "@workflow.step\n"
        "def wait(flag):\n"
        "    note(flag, f'{os.getpid()} {os.getppid()}')\n"
        "    wait_for_file(flag + '.gate', 1000)\n"
        "    return 5\n"
        "if __name__ == '__main__':\n"
        "    wait.step(sys.argv[1]).run_async('early')\n"
        "    wait_until(lambda: noted(sys.argv[1]), 'the step')\n",
        encoding="utf-8",
    )
    assert "early" in run_program(script, flag, place=place, **LONG_GRACE)
    assert workflow.get_status("early") is workflow.RESUMABLE
    wait_gone([int(pid) for pid in noted(flag)[0].split()])
    (tmp_path / "flag.gate").touch()
    assert workflow.resume("early").result(30) == 5
