"""The fork server: a small process of one thread that forks workers, stops them and tells how they ended."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections import deque
from time import monotonic
from typing import NoReturn

import msgspec

from manyhands.executors import wire
from manyhands.executors.far import WorkerContext
from manyhands.worker.loop import Output, Worker

decode_hello = msgspec.msgpack.Decoder(wire.Hello).decode
decode_command = msgspec.msgpack.Decoder(wire.Spawn | wire.Stop).decode

COMPAT = "MANYHANDS_COMPAT"
"""The variable that says whose names the user's code is written with."""

ALIASES = "manyhands.compat.alias"
"""Serves such names; loaded by name, as few programs need them."""

DESCRIPTORS = 64
"""At most so many descriptors are taken from the control socket at once."""


class Child:
    """A worker. `kill_at`: when its group gets SIGKILL; `gone`: it has ended, but its group may live on until then."""

    def __init__(self, serial: int, pid: int, log: str | None) -> None:
        self.serial = serial
        self.pid = pid
        self.log = log
        self.kill_at: float | None = None
        self.gone = False

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            # Either the group is gone, or the worker has not yet made its own.
            if not self.gone:
                self._signal_alone(number)
        except PermissionError:
            # What macOS says of a group in which there are only zombies.
            pass

    def _signal_alone(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


class Zygote:
    """Serves one driver over one socket. Everything it knows of its children dies with it, and so do they."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._frames = wire.Frames()
        self._descriptors: deque[int] = deque()
        self._children: dict[int, Child] = {}
        self._wake, self._wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_end, False)
        self._hello = self._receive_hello()
        self._board = wire.Board(self._descriptors[0])
        os.close(self._descriptors.popleft())

    def serve(self) -> None:
        self._prepare()
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poller.poll(self._until_next_kill())]
            if self._wake in ready:
                os.read(self._wake, 4096)
            self._reap()
            self._kill_due()
            if self._control.fileno() in ready and not self._obey():
                break
        self._end_all(poller)

    def _prepare(self) -> None:
        """Load what every worker needs once, before any is forked."""
        sys.path[:] = self._hello.sys_path
        if os.environ.get(COMPAT):
            importlib.import_module(ALIASES).install_as_told()
        for name in self._hello.preload:
            try:
                importlib.import_module(name)
            except ImportError:
                # Whatever needs it will say so better, in the report of an attempt.
                pass
        signal.signal(signal.SIGCHLD, lambda number, stack: None)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()

    def _receive_hello(self) -> wire.Hello:
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, wire.CHUNK, 1)
            self._descriptors.extend(descriptors)
            for each in self._frames.feed(data):
                return decode_hello(each)

    def _obey(self) -> bool:
        """Do what the driver asks for; False when it is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, wire.CHUNK, DESCRIPTORS)
            self._descriptors.extend(descriptors)
            frames = self._frames.feed(data)
        except (EOFError, ConnectionError):
            return False
        for each in frames:
            command = decode_command(each)
            if isinstance(command, wire.Spawn):
                self._spawn(command)
            else:
                self._stop(command)
        return True

    def _spawn(self, command: wire.Spawn) -> None:
        tasks, control = self._descriptors.popleft(), self._descriptors.popleft()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(wire.Exited(command.serial, None, f"{type(error).__name__}: {error}"))
        else:
            if not pid:
                self._become_worker(command, tasks, control)
            folder = self._hello.log_folder
            log = None if folder is None else os.path.join(folder, wire.log_name(pid, command.born))
            self._children[pid] = Child(command.serial, pid, log)
        os.close(tasks)
        os.close(control)

    def _become_worker(self, command: wire.Spawn, tasks: int, control: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.close(self._wake)
            os.close(self._wake_end)
            self._control.close()
            for descriptor in self._descriptors:
                os.close(descriptor)
            if command.sys_path is not None:
                sys.path[:] = command.sys_path
            place = self._board.place(command.place)
            place[wire.Board.PID] = os.getpid()
            context = WorkerContext(self._hello.settings, f"process:{os.getpid()}")
            output = open_output(self._hello.log_folder, command.born)
            worker = Worker(socket.socket(fileno=tasks), socket.socket(fileno=control), place, output, context)
            worker.run(orphan_grace=self._hello.grace + 1)
            code = 0
        except BaseException:  # noqa: BLE001 - must not fall back into the fork server's loop
            sys.excepthook(*sys.exc_info())
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def _stop(self, command: wire.Stop) -> None:
        for child in self._children.values():
            if child.serial == command.serial and not child.gone and child.kill_at is None:
                child.kill_at = monotonic() + command.grace
                child.signal(signal.SIGTERM)

    def _until_next_kill(self) -> int | None:
        """Milliseconds."""
        due = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        return max(0, int((min(due) - monotonic()) * 1000) + 1) if due else None

    def _kill_due(self) -> None:
        now = monotonic()
        for child in list(self._children.values()):
            if child.kill_at is not None and child.kill_at <= now:
                child.signal(signal.SIGKILL)
                child.kill_at = None
                if child.gone:
                    self._bury(child)

    def _reap(self) -> None:
        """Tell of every worker that has ended. Its zombie is kept until its group is dead, so that nobody else can
        get the number that the group is killed by."""
        for child in list(self._children.values()):
            if child.gone:
                continue
            code = ended(child.pid)
            if code is None:
                continue
            child.gone = True
            if child.kill_at is None:
                child.signal(signal.SIGKILL)
                self._bury(child)
            self._tell(wire.Exited(child.serial, code))

    def _bury(self, child: Child) -> None:
        try:
            os.waitpid(child.pid, 0)
        except ChildProcessError:
            pass
        del self._children[child.pid]
        if child.log is not None:
            remove_if_empty(child.log)

    def _tell(self, message: wire.Exited) -> None:
        try:
            self._control.sendall(wire.frame(message))
        except OSError:
            # The driver is gone, which the next read says too.
            pass

    def _end_all(self, poller: select.poll) -> None:
        """The driver is gone: idle workers see it and end by themselves, the others are made to."""
        poller.unregister(self._control)
        due = monotonic() + self._hello.grace
        for child in self._children.values():
            child.signal(signal.SIGTERM)
            child.kill_at = due if child.kill_at is None else min(due, child.kill_at)
        while any(not child.gone for child in self._children.values()):
            for _ in poller.poll(self._until_next_kill()):
                os.read(self._wake, 4096)
            self._reap()
            self._kill_due()
        for child in list(self._children.values()):
            child.signal(signal.SIGKILL)
            self._bury(child)


if sys.platform == "darwin" and sys.version_info < (3, 13):

    def ended(pid: int) -> int | None:
        """Its exit code or minus its signal; None while it runs. There is no way to look without reaping here."""
        found, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None

else:

    def ended(pid: int) -> int | None:
        """Its exit code or minus its signal; None while it runs. Leaves the zombie."""
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def open_output(folder: str | None, born: int) -> Output:
    """Send standard output and error of this process to a log of its own, line by line, so that a kill loses little."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    if folder is None:
        return Output("", None)
    name = wire.log_name(os.getpid(), born)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(os.path.join(folder, name), flags, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )
    faulthandler.enable()
    return Output(name, descriptor)


def remove_if_empty(path: str) -> None:
    try:
        if not os.stat(path).st_size:
            os.unlink(path)
    except OSError:
        pass


def main() -> None:
    """Serve the driver whose socket is standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        Zygote(control).serve()
    except EOFError:
        # The driver was gone before it said anything.
        pass


if __name__ == "__main__":
    main()
