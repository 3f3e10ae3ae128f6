"""One worker process as the driver sees it."""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from collections.abc import Iterable
from time import monotonic

import msgspec

from manyhands.executors import wire
from manyhands.executors.pace import DEPTH
from manyhands.model.outcomes import AttemptKey, Launch, Report, key_of

decode_reports = msgspec.msgpack.Decoder(list[Report]).decode
decode_control = msgspec.msgpack.Decoder(wire.Recalled | wire.Rests).decode


class Link:
    """Sockets to a worker, and what it has been sent and not yet reported, in order.

    `weight`: slots that it takes now. `limit`: how many launches it may hold, by the most cautious of those it has.
    `asked`: recalls that it has not answered. `stuck`: it has given back what it had not begun, and reported nothing
    since. `doomed`: it ends, or has ended; it gets nothing any more. `canceled`: attempts to be stopped, each with its
    grace. `answer_due`: when a recall should be answered. `heard`: when it last said something, or was sent something
    while idle. `rests`: its attempt waits for others, and has lent its slot to them.
    """

    def __init__(
        self, serial: int, tasks: socket.socket, control: socket.socket, place: memoryview, number: int, born: int
    ) -> None:
        self.serial = serial
        self.tasks = tasks
        self.control = control
        self.number = number
        self.born = born
        self.name = ""
        self.outstanding: deque[tuple[int, Launch]] = deque()
        self.weight = 0
        self.limit = DEPTH
        self.asked = 0
        self.stuck = False
        self.doomed = False
        self.rests = False
        self.canceled: dict[AttemptKey, float] = {}
        self.answer_due: float | None = None
        self.heard = 0.0
        self.log_end = 0
        self._place = place
        self._sent = 0
        self._unsent: deque[memoryview] = deque()
        self._task_frames = wire.Frames()
        self._control_frames = wire.Frames()
        tasks.setblocking(False)
        control.setblocking(False)

    @property
    def pid(self) -> int:
        """0 while the worker has not yet come to itself."""
        return self._place[wire.Board.PID]

    @property
    def begun(self) -> int:
        """How many launches it has begun."""
        return self._place[wire.Board.BEGUN]

    @property
    def since(self) -> float:
        """When it began the last one, in seconds since the epoch."""
        return self._place[wire.Board.SINCE] / 1e9

    @property
    def log_start(self) -> int:
        """Where its log stood when it began the last one."""
        return self._place[wire.Board.LOG]

    @property
    def log(self) -> str:
        return wire.log_name(self.pid, self.born)

    def send(self, launches: list[Launch]) -> bool:
        """True when all could be written; else call `flush` once the socket is writable."""
        message = wire.frame(launches)
        if not self.outstanding:
            self.heard = monotonic()
        number = self._sent
        for launch in launches:
            self.outstanding.append((number, launch))
            number += 1
        self._sent = number
        if not self._unsent:
            try:
                count = self.tasks.send(message)
            except BlockingIOError:
                count = 0
            except OSError:
                # The worker is gone; what it was sent is accounted for when its end is told.
                return True
            if count == len(message):
                return True
            self._unsent.append(memoryview(message)[count:])
        else:
            self._unsent.append(memoryview(message))
        return False

    def flush(self) -> bool:
        """Write on; True when nothing is left to write."""
        unsent = self._unsent
        try:
            while unsent:
                count = self.tasks.send(unsent[0])
                if count < len(unsent[0]):
                    unsent[0] = unsent[0][count:]
                else:
                    unsent.popleft()
        except BlockingIOError:
            return False
        except OSError:
            unsent.clear()
        return True

    def receive(self) -> list[Report]:
        """Reports that have come. Raises `EOFError` at the end, `BlockingIOError` when there is nothing to read."""
        try:
            frames = self._task_frames.receive(self.tasks)
        except ConnectionError as error:
            raise EOFError from error
        reports: list[Report] = []
        for each in frames:
            reports += decode_reports(each)
        return reports

    def receive_control(self) -> list[wire.Recalled | wire.Rests]:
        try:
            frames = self._control_frames.receive(self.control)
        except BlockingIOError:
            return []
        except ConnectionError as error:
            raise EOFError from error
        return [decode_control(each) for each in frames]

    def recall(self, first: int) -> None:
        """Ask for all launches from number `first` on. Nothing may be sent until the answer is there: a report of that
        could overtake it, and the two would not add up."""
        self.asked += 1
        try:
            self.control.send(wire.frame(wire.Recall(first, self._sent)))
        except OSError:
            pass

    def take_back(self, answer: wire.Recalled) -> list[Launch]:
        """Remove from what is outstanding what the worker has let go."""
        self.asked -= 1
        returned = [launch for number, launch in self.outstanding if answer.first <= number < answer.end]
        self.outstanding = deque(each for each in self.outstanding if not answer.first <= each[0] < answer.end)
        return returned

    def kill(self) -> None:
        """For when the fork server, which would do it better, is gone."""
        pid = self.pid
        if pid:
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def close(self) -> None:
        self.tasks.close()
        self.control.close()
        self._place.release()
        self._unsent.clear()

    def holds(self, keys: Iterable[AttemptKey]) -> list[AttemptKey]:
        mine = {key_of(launch) for _, launch in self.outstanding}
        return [key for key in keys if key in mine]
