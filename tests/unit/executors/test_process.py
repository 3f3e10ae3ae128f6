"""What the pool does, told by a worker whose part the test plays over real sockets."""

import os
import select
import signal
import socket
from collections.abc import Iterator

import msgspec
import pytest

from manyhands.executors import process, wire
from manyhands.executors.link import Link
from manyhands.executors.process import ProcessExecutor, canceled, failure_of_exit
from manyhands.model.outcomes import Failure, Launch, Report, Returned, Value
from manyhands.model.states import Cause
from manyhands.model.values import Encoded

DONE = Value(Encoded("raw"))


class Peer:
    """A worker, played by hand."""

    def __init__(self, link: Link, tasks: socket.socket, control: socket.socket, place: memoryview) -> None:
        self.link = link
        self.tasks = tasks
        self.control = control
        self.place = place

    def sent(self) -> list[int]:
        """Tasks that came by now."""
        frames = wire.Frames()
        try:
            arrived = frames.feed(self.tasks.recv(1 << 20, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return []
        return [each.task for frame in arrived for each in msgspec.msgpack.decode(frame, type=list[Launch])]

    def recall(self) -> wire.Recall:
        (frame,) = wire.Frames().receive(self.control)
        return msgspec.msgpack.decode(frame, type=wire.Recall)

    def begin(self, count: int) -> None:
        self.place[wire.Board.BEGUN] = count

    def report(self, *tasks: int, seconds: float = 0.0) -> None:
        self.tasks.sendall(wire.frame([Report(1, task, 1, DONE, 0.0, seconds) for task in tasks]))

    def answer(self, first: int, end: int, begun: int, done: int) -> None:
        self.control.sendall(wire.frame(wire.Recalled(first, end, begun, done)))


class PlayedServer:
    """A fork server whose workers are played by hand; `said` is what they were told to stop."""

    def __init__(self, hello: wire.Hello) -> None:
        self.socket, self.far = socket.socketpair()
        self.peers: list[Peer] = []
        self.said: list[int] = []

    def spawn(self, serial: int) -> Link:
        tasks, far_tasks = socket.socketpair()
        control, far_control = socket.socketpair()
        memory = memoryview(bytearray(8 * wire.Board.WIDTH)).cast("q")
        memory[wire.Board.PID] = 1000 + serial
        link = Link(serial, tasks, control, memory, 0, 0)
        self.peers.append(Peer(link, far_tasks, far_control, memory))
        return link

    def stop(self, serial: int, grace: float) -> None:
        self.said.append(serial)

    def exited(self, peer: Peer, code: int) -> None:
        self.far.sendall(wire.frame(wire.Exited(peer.link.serial, code)))

    def receive(self) -> list[wire.Exited]:
        data = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
        return [msgspec.msgpack.decode(each, type=wire.Exited) for each in wire.Frames().feed(data)]

    def release(self, link: Link) -> None:
        link.close()

    def close(self) -> None:
        for each in (self.socket, self.far, *(end for peer in self.peers for end in (peer.tasks, peer.control))):
            each.close()


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessExecutor]:
    monkeypatch.setattr(process, "ForkServer", PlayedServer)
    executor = ProcessExecutor(1, echo=False)
    yield executor
    executor.close()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the executor, moved by hand."""
    now = [100.0]
    monkeypatch.setattr(process, "monotonic", lambda: now[0])
    monkeypatch.setattr("manyhands.executors.link.monotonic", lambda: now[0])
    return now


def start(executor: ProcessExecutor, *tasks: int, slots: int = 1) -> None:
    executor.start([Launch(1, task, 1, "m:f", b"", slots, "step") for task in tasks])


def taught(executor: ProcessExecutor) -> tuple[PlayedServer, Peer]:
    """The pool has one idle worker and knows that steps are short."""
    start(executor, 1000)
    server = executor._server
    assert isinstance(server, PlayedServer)
    (peer,) = server.peers
    assert peer.sent() == [1000]
    peer.begin(1)
    peer.report(1000)
    assert [report.task for report in executor.poll()] == [1000]
    return server, peer


def told(reports: list[Report]) -> dict[int, object]:
    return {report.task: type(report.outcome) for report in reports}


def test_one_at_a_time_until_they_are_known_to_be_short(executor: ProcessExecutor) -> None:
    start(executor, 0, 1, 2)
    assert isinstance(executor._server, PlayedServer)
    (peer,) = executor._server.peers
    assert peer.sent() == [0]
    peer.report(0)
    assert told(executor.poll()) == {0: Value}
    assert peer.sent() == [1, 2]


def test_long_ones_stay_one_at_a_time(executor: ProcessExecutor) -> None:
    start(executor, 0, 1, 2)
    assert isinstance(executor._server, PlayedServer)
    (peer,) = executor._server.peers
    assert peer.sent() == [0]
    peer.report(0, seconds=5.0)
    assert told(executor.poll()) == {0: Value}
    assert peer.sent() == [1]


def test_nothing_is_sent_between_a_recall_and_its_answer(executor: ProcessExecutor, time: list[float]) -> None:
    _, peer = taught(executor)
    start(executor, *range(5))
    assert peer.sent() == [0, 1, 2, 3, 4]
    assert executor.deadline() == pytest.approx(100.02)
    time[0] = 100.03
    assert executor.poll() == []
    assert peer.recall() == wire.Recall(1, 6)
    assert executor.deadline() is None
    peer.report(0, 1)
    start(executor, 5, 6)
    assert told(executor.poll()) == {0: Value, 1: Value}
    assert peer.sent() == []
    peer.answer(4, 6, begun=4, done=3)
    assert executor.poll() == []
    peer.report(2)
    assert told(executor.poll()) == {2: Value}
    assert peer.sent() == [3, 4, 5, 6]


def test_an_idle_worker_owes_its_answer_first(executor: ProcessExecutor, time: list[float]) -> None:
    _, peer = taught(executor)
    start(executor, 0, 1)
    assert peer.sent() == [0, 1]
    time[0] = 101.0
    executor.poll()
    assert peer.recall() == wire.Recall(1, 3)
    peer.report(0, 1)
    assert told(executor.poll()) == {0: Value, 1: Value}
    start(executor, 2)
    assert peer.sent() == []
    peer.answer(3, 3, begun=3, done=3)
    executor.poll()
    assert peer.sent() == [2]


def test_what_was_reported_just_before_the_end_counts(executor: ProcessExecutor) -> None:
    server, peer = taught(executor)
    start(executor, 0, 1)
    peer.begin(3)
    assert executor.poll() == []
    server.exited(peer, -9)
    peer.report(0)
    assert told(executor.poll()) == {0: Value, 1: Failure}


def test_what_is_canceled_before_it_was_sent_can_be_read_at_once(executor: ProcessExecutor) -> None:
    start(executor, 0, 1)
    assert not select.select([executor.fileno()], [], [], 0)[0]
    executor.cancel([(1, 1, 1)], 1.0)
    assert select.select([executor.fileno()], [], [], 0)[0]
    assert told(executor.poll()) == {1: Failure}
    assert not select.select([executor.fileno()], [], [], 0)[0]


def test_what_was_taken_back_goes_first(executor: ProcessExecutor, time: list[float]) -> None:
    _, peer = taught(executor)
    start(executor, *range(4))
    peer.sent()
    time[0] = 101.0
    executor.poll()
    start(executor, 4)
    peer.answer(2, 5, begun=2, done=1)
    executor.poll()
    peer.report(0)
    executor.poll()
    assert peer.sent() == [1, 2, 3, 4]


def test_those_that_began_are_blamed_and_no_others(executor: ProcessExecutor) -> None:
    server, peer = taught(executor)
    start(executor, *range(5))
    peer.begin(1 + 3)
    peer.report(0)
    server.exited(peer, -9)
    reports = executor.poll()
    assert told(reports) == {0: Value, 1: Failure, 2: Failure, 3: Returned, 4: Returned}
    assert {report.worker for report in reports} == {"process:1001"}
    start(executor, 7)
    assert server.peers[1].sent() == [7]


def test_the_first_is_blamed_when_a_worker_never_began_any(executor: ProcessExecutor) -> None:
    start(executor, 0)
    assert isinstance(executor._server, PlayedServer)
    executor._server.exited(executor._server.peers[0], 1)
    (report,) = executor.poll()
    assert isinstance(report.outcome, Failure)
    assert (report.outcome.cause, report.outcome.exit_code) == (Cause.LOST, 1)


def test_a_cancel_takes_back_what_is_behind_before_it_kills(executor: ProcessExecutor) -> None:
    server, peer = taught(executor)
    start(executor, *range(4))
    peer.sent()
    executor.cancel([(1, 1, 1)], 5.0)
    assert server.said == []
    assert peer.recall() == wire.Recall(2, 5)
    peer.report(0)
    peer.answer(3, 5, begun=3, done=2)
    assert told(executor.poll()) == {0: Value}
    assert server.said == [1]
    server.exited(peer, -15)
    (report,) = executor.poll()
    assert report.outcome == Failure(Cause.CANCELED, "was canceled", retryable=False, signal=15)
    assert server.peers[1].sent() == [2, 3]


def test_a_cancel_that_comes_too_late_kills_nobody(executor: ProcessExecutor) -> None:
    server, peer = taught(executor)
    start(executor, 0, 1, 2)
    executor.cancel([(1, 0, 1)], 5.0)
    peer.report(0)
    peer.answer(3, 4, begun=3, done=2)
    peer.report(1)
    assert told(executor.poll()) == {0: Value, 1: Value}
    assert server.said == []


def test_a_worker_that_does_not_answer_is_judged_by_the_board(executor: ProcessExecutor, time: list[float]) -> None:
    server, peer = taught(executor)
    start(executor, 0, 1)
    peer.begin(2)
    executor.cancel([(1, 0, 1)], 5.0)
    assert executor.deadline() == pytest.approx(100.1)
    assert executor.poll() == []
    assert server.said == []
    time[0] = 100.2
    executor.poll()
    assert server.said == [1]


def test_a_wide_launch_waits_for_all_slots_and_is_not_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ForkServer", PlayedServer)
    executor = ProcessExecutor(2, echo=False)
    start(executor, 0)
    start(executor, 1, slots=2)
    start(executor, 2)
    assert isinstance(executor._server, PlayedServer)
    (peer,) = executor._server.peers
    assert peer.sent() == [0]
    peer.report(0)
    executor.poll()
    assert peer.sent() == [1]
    peer.report(1)
    executor.poll()
    assert peer.sent() == [2]
    executor.close()


def test_how_a_worker_ended_is_said_in_words() -> None:
    assert failure_of_exit(3, "").message == "exited with code 3"
    assert failure_of_exit(-signal.SIGKILL, "").message == "was killed by signal 9 (SIGKILL)"
    assert failure_of_exit(-63, "").message == "was killed by signal 63 (unknown)"
    assert "no worker could be forked: why" in failure_of_exit(None, "why").message
    assert canceled(failure_of_exit(7, "")).exit_code == 7


def test_a_worker_that_reports_what_it_was_not_given_is_an_error(executor: ProcessExecutor) -> None:
    _, peer = taught(executor)
    start(executor, 0)
    peer.report(4)
    with pytest.raises(process.BackendError, match="4"):
        executor.poll()


def test_a_parents_executor_is_left_alone(executor: ProcessExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    _, peer = taught(executor)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        executor.close()
    start(executor, 0)
    assert peer.sent() == [0]
