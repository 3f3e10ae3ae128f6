"""A worker process: runs what its task socket brings, in order, and reports."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from time import monotonic, time_ns
from typing import NoReturn

import msgspec

from manyhands.executors import wire
from manyhands.executors.far import Attempts, WorkerContext
from manyhands.model.outcomes import Failure, Launch, LogRange, Report
from manyhands.model.states import Cause

decode_launches = msgspec.msgpack.Decoder(list[Launch]).decode
decode_recall = msgspec.msgpack.Decoder(wire.Recall).decode

GATHER_SECONDS = 0.005
GATHER_REPORTS = 32


class Output:
    """The file behind the worker's standard output and error, and how far it is reported; no file where the output
    stays the driver's."""

    def __init__(self, name: str, descriptor: int | None) -> None:
        self.name = name
        self.descriptor = descriptor
        self.end = 0

    def measure(self) -> LogRange | None:
        """What has been written since the last call. Measured by the file's end, as children write there too."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass
        if self.descriptor is None:
            return None
        start, self.end = self.end, os.lseek(self.descriptor, 0, os.SEEK_END)
        return LogRange(self.name, start, self.end) if self.end > start else None


class Worker:
    """Its main thread reads, runs and reports. A second thread sleeps on the control socket: it takes launches back
    that have not begun, whatever the main thread is busy with, and ends the process when the driver is gone."""

    def __init__(
        self, tasks: socket.socket, control: socket.socket, place: memoryview, output: Output,
        context: WorkerContext,
    ) -> None:  # fmt: skip
        self._tasks = tasks
        self._control = control
        self._place = place
        self._output = output
        context.rest = self._rest
        self._attempts = Attempts(context)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._seen = 0
        self._begun = 0
        self._done = 0
        self._taken_back: set[int] = set()
        self._gathered: list[Report] = []
        self._sent_at = 0.0

    def run(self, orphan_grace: float) -> None:
        """Until the driver closes its end. An orphan that is busy leaves the fork server `orphan_grace` seconds to
        stop it in a kinder way than it would itself."""
        threading.Thread(target=self._obey, args=(orphan_grace,), name="manyhands-control", daemon=True).start()
        frames = wire.Frames()
        receive, tasks, decode = frames.receive, self._tasks, decode_launches
        while True:
            try:
                arrived = receive(tasks)
            except (EOFError, OSError):
                return
            if len(arrived) == 1:
                self._run_all(decode(arrived[0]))
            elif arrived:
                self._run_all([launch for each in arrived for launch in decode(each)])

    def _run_all(self, launches: list[Launch]) -> None:
        begin, attempt, ended = self._begin, self._attempts.run, self._ended
        for launch in launches:
            if begin():
                ended(attempt(launch))
        with self._lock:
            self._send()

    def _rest(self, begun: bool) -> None:
        """Tell the driver that the attempt waits for others, or goes on."""
        try:
            self._control.sendall(wire.frame(wire.Rests(begun)))
        except OSError:
            pass  # the driver is gone, and the thread that listens to it ends this process

    def _begin(self) -> bool:
        with self._lock:
            number = self._seen
            self._seen = number + 1
            if number in self._taken_back:
                self._taken_back.discard(number)
                return False
            self._begun = number + 1
            place = self._place
            place[wire.Board.LOG] = self._output.end
            place[wire.Board.SINCE] = time_ns()
            place[wire.Board.BEGUN] = number + 1
        return True

    def _ended(self, report: Report) -> None:
        if os.getpid() != self._pid:
            # The attempt forked and its child came back from it: only the parent's end is the attempt's.
            os._exit(0)
        report.log = self._output.measure()
        with self._lock:
            self._done = self._begun
            gathered = self._gathered
            gathered.append(report)
            if len(gathered) >= GATHER_REPORTS or monotonic() - self._sent_at >= GATHER_SECONDS:
                self._send()

    def _send(self) -> None:
        """With the lock held."""
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, []
        try:
            message = wire.frame(gathered)
        except Exception:  # noqa: BLE001 - one report that cannot be sent must not take the others with it
            message = wire.frame([sendable(report) for report in gathered])
        try:
            self._tasks.sendall(message)
        except OSError:
            os._exit(1)
        self._sent_at = monotonic()

    def _obey(self, orphan_grace: float) -> None:
        frames = wire.Frames()
        while True:
            try:
                for each in frames.receive(self._control):
                    self._recall(decode_recall(each))
            except EOFError:
                orphaned(orphan_grace)
            except OSError:
                return

    def _recall(self, wanted: wire.Recall) -> None:
        with self._lock:
            first = min(max(wanted.first, self._begun), wanted.end)
            self._taken_back.update(range(first, wanted.end))
            self._send()
            answer = wire.Recalled(first, wanted.end, self._begun, self._done)
            self._control.sendall(wire.frame(answer))


def orphaned(grace: float) -> NoReturn:
    threading.Event().wait(grace)
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def sendable(report: Report) -> Report:
    try:
        wire.encode(report)
    except Exception as error:  # noqa: BLE001 - told as the attempt's own failure
        message = f"What the attempt came to cannot be sent: {type(error).__name__}: {error}"
        report.outcome = Failure(Cause.ERROR, message.encode("ascii", "backslashreplace").decode())
    return report
