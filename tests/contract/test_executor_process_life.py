"""Workers of the executor `process` come, go and leave nothing behind, whoever is killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import msgspec
import pytest

from manyhands.executors.cores import cores
from manyhands.executors.process import ProcessExecutor
from manyhands.executors.wire import Board
from manyhands.model.errors import BackendError
from manyhands.model.outcomes import Returned
from manyhands.model.states import Cause
from manyhands.testing.executor_kit import PATIENCE, Gate, collect, data, failure, launch, launches, run, teach

DRIVER = """
import os, signal, sys
from manyhands.executors.process import ProcessExecutor
from manyhands.testing.executor_kit import collect, data, launch, run
print("once")
executor = ProcessExecutor(2, grace=0.2, preload=())
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[type[ProcessExecutor]]:
    """Makes executors; all are closed in the end."""
    with contextlib.ExitStack() as stack:

        def make(processes: int | None = 2, **more: object) -> ProcessExecutor:
            more.setdefault("preload", ())
            executor = ProcessExecutor(processes, **more)
            stack.callback(executor.close)
            return executor

        yield make


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


@contextlib.contextmanager
def driver(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", DRIVER + program, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def server_of(pid: int) -> int:
    """The fork server is its workers' parent."""
    return int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, check=True).stdout)


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


HOLD = """
executor.start([launch(sys.argv[2], sys.argv[1].encode()), launch("give_back", b"", task=1)])
collect(executor, 1)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("entry", ["hold", "hold_stubbornly", "hold_with_child"])
def test_a_killed_driver_leaves_no_process(gate: Gate, entry: str) -> None:
    with driver(HOLD, gate.payload.decode(), entry) as process:
        gate.wait_begun()
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["once\n", "held\n"]
        process.kill()
        gate.wait_dead()
        # The fork server and its workers share this pipe: it ends when the last of them does.
        assert process.stdout.read() == ""


def test_driver_and_fork_server_killed_at_once_leave_no_process(gate: Gate) -> None:
    with driver(HOLD, gate.payload.decode(), "hold") as process:
        server = server_of(gate.wait_begun())
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        process.kill()
        gate.wait_dead()
        assert process.stdout is not None
        assert process.stdout.read().splitlines()[0] == "once"


@pytest.mark.parametrize("program", ["run(executor, launch('give_back'))", "executor.warm()", "", HOLD])
def test_a_driver_that_just_ends_leaves_no_process(gate: Gate, program: str) -> None:
    with driver(program, gate.payload.decode(), "hold") as process:
        output, _ = process.communicate("\n", timeout=60)
        assert output.splitlines()[0] == "once"
        assert output.count("once") == 1
        assert process.returncode == 0


def test_ctrl_c_reaches_the_driver_alone(gate: Gate) -> None:
    program = """
executor.start([launch("hold", sys.argv[1].encode())])
try:
    collect(executor, 1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(data(*collect(executor, 1)).decode())
"""
    with driver(program, gate.payload.decode()) as process:
        gate.wait_begun()
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["once\n", "interrupted\n"]
        gate.open()
        assert process.stdout.read() == "released\n"


def test_a_killed_fork_server_is_replaced(make: type[ProcessExecutor], gate: Gate) -> None:
    executor = make()
    teach(executor, "short")
    executor.start([launch("hold", gate.payload, label="short")])
    executor.start([launch("give_back", b"", task, label="short") for task in range(1, 20)])
    os.kill(server_of(gate.wait_begun()), signal.SIGKILL)
    reports = {report.task: report for report in collect(executor, 20)}
    assert failure(reports[0]).cause is Cause.LOST
    assert "fork server" in failure(reports[0]).message
    gate.wait_dead()
    assert data(run(executor, launch("give_back", b"on"))[0]) == b"on"


def test_an_idle_fork_server_killed_is_replaced(make: type[ProcessExecutor]) -> None:
    executor = make()
    facts = msgspec.msgpack.decode(data(run(executor, launch("describe"))[0]))
    os.kill(server_of(facts["pid"]), signal.SIGKILL)
    for attempt in range(3):
        (report,) = run(executor, launch("give_back", b"on", attempt))
        if not isinstance(report.outcome, Returned) and getattr(report.outcome, "cause", None) is not Cause.LOST:
            break
    assert data(report) == b"on"


def test_a_fork_server_that_cannot_start_is_an_error(
    make: type[ProcessExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(BackendError, match="fork server"):
        make().start([launch("give_back")])


def test_a_fork_server_that_ends_at_once_fails_one_launch(
    make: type[ProcessExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = make()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        reports = run(executor, *launches("give_back", [b"0", b"1"]))
    assert {failure(report).cause for report in reports} == {Cause.LOST}
    assert data(run(executor, launch("give_back", b"on"))[0]) == b"on"


def test_a_log_folder_that_cannot_be_is_an_error(make: type[ProcessExecutor], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackendError, match="file"):
        make(log_folder=tmp_path / "file" / "logs").start([launch("give_back")])


def test_a_worker_that_cannot_come_to_itself_is_blamed_on_one_launch(
    make: type[ProcessExecutor], tmp_path: Path
) -> None:
    executor = make(1, log_folder=tmp_path / "logs")
    executor.warm()
    assert executor.poll() == []
    run(executor, launch("exit_with", b"0"))
    (tmp_path / "logs").rename(tmp_path / "elsewhere")
    reports = run(executor, *launches("give_back", [b"0", b"1"]))
    assert [failure(report).exit_code for report in reports] == [1, 1]


def test_nothing_leaks(make: type[ProcessExecutor]) -> None:
    executor = make()
    run(executor, *launches("exit_with", [b"0"] * 4))
    run(executor, *launches("give_back", [b"0"] * 4))
    before = descriptors()
    for _ in range(50):
        run(executor, *launches("exit_with", [b"0"] * 4))
    run(executor, *launches("give_back", [b"0"] * 4))
    assert descriptors() <= before
    assert executor._server is not None
    assert len(executor._server._places) >= Board.PLACES - 4
    executor.close()
    before = descriptors()
    for _ in range(30):
        executor = make()
        run(executor, launch("give_back"))
        executor.close()
        assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_closing_stops_what_runs(make: type[ProcessExecutor], gate: Gate) -> None:
    executor = make(grace=0.1)
    executor.start([launch("hold_stubbornly", gate.payload)])
    gate.wait_begun()
    before = monotonic()
    executor.close()
    gate.wait_dead()
    assert monotonic() - before < PATIENCE
    with pytest.raises(BackendError, match="closed"):
        executor.start([launch("give_back")])


def test_closing_lets_what_runs_end_in_order(make: type[ProcessExecutor], gate: Gate) -> None:
    executor = make(grace=30.0)
    executor.start([launch("hold_orderly", gate.payload)])
    gate.wait_begun()
    executor.close()
    assert gate.read_last_word() == 7


def test_the_end_of_the_driver_lets_what_runs_end_in_order(gate: Gate) -> None:
    with driver(HOLD, gate.payload.decode(), "hold_orderly") as process:
        gate.wait_begun()
        process.kill()
        assert gate.read_last_word() == 7
        gate.wait_dead()


def test_what_an_attempt_left_behind_ends_with_its_worker(make: type[ProcessExecutor], gate: Gate) -> None:
    executor = make()
    run(executor, launch("leave_child", gate.payload))
    gate.wait_begun()
    executor.close()
    gate.wait_dead()


def test_a_fork_of_the_driver_owns_nothing(make: type[ProcessExecutor], gate: Gate) -> None:
    executor = make()
    run(executor, launch("give_back"))
    before = descriptors()
    pid = os.fork()
    if not pid:
        try:
            executor.close()
            executor.start([launch("give_back")])
        except BackendError:
            os._exit(10 + before - descriptors())
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code > 10 + 4
    assert data(run(executor, launch("give_back", b"on"))[0]) == b"on"


def test_settings_reach_the_worker(
    make: type[ProcessExecutor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executor = make(settings={"store": "sqlite:///x", "allow_pickle": False})
    first = msgspec.msgpack.decode(data(run(executor, launch("describe"))[0]))
    assert first["settings"] == {"store": "sqlite:///x", "allow_pickle": False}
    assert first["store"] == "sqlite:///x"
    assert first["path"] == sys.path
    monkeypatch.syspath_prepend(tmp_path)
    run(executor, *launches("exit_with", [b"0"] * 2))
    second = msgspec.msgpack.decode(data(run(executor, launch("describe"))[0]))
    assert second["path"][0] == str(tmp_path)


def test_output_is_echoed_with_who_wrote_it(
    make: type[ProcessExecutor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = make(log_folder=tmp_path / "logs")
    (report,) = run(executor, launch("speak", b"one\ntwo\nthree", label="my step"))
    _, _, pid = report.worker.partition(":")
    lines = [f"(my step pid={pid}) {text}\n" for text in ("one", "two", "three")]
    assert capsys.readouterr().out == "".join(lines)
    run(executor, launch("speak_and_die", b"last", label="other"))
    assert capsys.readouterr().out.endswith(") last\n")


def test_empty_logs_are_removed_and_a_crash_leaves_its_traceback(make: type[ProcessExecutor], tmp_path: Path) -> None:
    executor = make(log_folder=tmp_path / "logs", echo=False)
    run(executor, launch("give_back"))
    (report,) = run(executor, launch("die_by", str(int(signal.SIGSEGV)).encode()))
    run(executor, launch("give_back"))
    executor.close()
    assert report.log is not None
    assert [path.name for path in (tmp_path / "logs").iterdir()] == [report.log.file]
    assert "Segmentation fault" in (tmp_path / "logs" / report.log.file).read_text()


def test_short_attempts_are_welcome_in_numbers_and_long_ones_are_not(make: type[ProcessExecutor]) -> None:
    executor = make()
    teach(executor, "short", backlog=20)
    run(executor, *launches("take", [b"0.05"]))
    assert executor.backlog() == 0
    assert executor.deadline() is None


def test_warm_starts_a_worker_before_it_is_needed(make: type[ProcessExecutor]) -> None:
    executor = make()
    executor.warm()
    executor.warm()
    (report,) = run(executor, launch("give_back"))
    assert report.worker.startswith("process:")


def test_there_are_as_many_workers_as_cores(make: type[ProcessExecutor]) -> None:
    assert make(None).slots == cores() == len(os.sched_getaffinity(0))
