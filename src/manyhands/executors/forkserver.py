"""The driver's end of the fork server."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from time import monotonic, time

import msgspec

from manyhands.executors import wire
from manyhands.executors.link import Link
from manyhands.model.errors import BackendError

decode_exited = msgspec.msgpack.Decoder(wire.Exited).decode

PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from manyhands.worker.zygote import main; main()"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CLOSE_SECONDS = 5.0
"""How much longer than its grace a fork server may take to end before it is killed."""

FLAGS = (("optimize", "-O"), ("dont_write_bytecode", "-B"), ("no_user_site", "-s"), ("ignore_environment", "-E"))


class ForkServer:
    """One fork server process and the way to it. Nothing here waits, except `close`."""

    def __init__(self, hello: wire.Hello) -> None:
        self._hello = hello
        self._frames = wire.Frames()
        self._places = list(range(wire.Board.PLACES - 1, -1, -1))
        ours, theirs = socket.socketpair()
        board = wire.Board.descriptor()
        try:
            if hello.log_folder is not None:
                os.makedirs(hello.log_folder, exist_ok=True)
            self.pid = start(theirs.fileno(), hello.settings)
            self.socket = ours
            self.board = wire.Board(board)
            socket.send_fds(ours, [wire.frame(hello)], [board])
        except OSError as error:
            ours.close()
            raise BackendError(f"The process executor cannot start its fork server: {error}.") from error
        finally:
            theirs.close()
            os.close(board)

    def spawn(self, serial: int) -> Link:
        """A new worker; it can be sent launches at once, as they wait in its socket until it is there."""
        tasks, far_tasks = socket.socketpair()
        control, far_control = socket.socketpair()
        number = self._places.pop()
        place = self.board.place(number)
        for cell in range(wire.Board.WIDTH):
            place[cell] = 0
        born = int(time() * 1000)
        sys_path = None if sys.path == self._hello.sys_path else list(sys.path)
        try:
            command = wire.frame(wire.Spawn(serial, number, born, sys_path))
            socket.send_fds(self.socket, [command], [far_tasks.fileno(), far_control.fileno()])
        except OSError:
            # A fork server that is gone is noticed, with all its workers, by the next `receive`.
            pass
        finally:
            far_tasks.close()
            far_control.close()
        return Link(serial, tasks, control, place, number, born)

    def release(self, link: Link) -> None:
        """The worker is gone, so its place on the board is free."""
        link.close()
        self._places.append(link.number)

    def stop(self, serial: int, grace: float) -> None:
        try:
            self.socket.sendall(wire.frame(wire.Stop(serial, grace)))
        except OSError:
            pass

    def receive(self) -> list[wire.Exited]:
        """What has become known without waiting. Raises `EOFError` when the fork server is gone."""
        try:
            data = self.socket.recv(wire.CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except ConnectionError as error:
            raise EOFError from error
        return [decode_exited(each) for each in self._frames.feed(data)]

    def forget(self) -> None:
        """Close this process's ends and do nothing else."""
        self.socket.close()
        self.board.close()

    def bury(self) -> None:
        """It is gone, or must be: reap it."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.forget()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            # Somebody in this process waits for any child; then it is reaped already.
            pass

    def close(self) -> None:
        """Have it stop all workers and end. Waits for that: normally milliseconds, at most the grace and some more."""
        self.socket.shutdown(socket.SHUT_WR)
        due = monotonic() + self._hello.grace + CLOSE_SECONDS
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        while (left := due - monotonic()) > 0:
            if poller.poll(left * 1000) and not self._heard():
                break
        self.bury()

    def _heard(self) -> bool:
        try:
            self.receive()
        except EOFError:
            return False
        return True


def start(stdin: int, settings: dict[str, object]) -> int:
    """Its process id. In a group of its own, so that Ctrl-C in the terminal reaches the driver alone."""
    environment = dict(os.environ)
    store = settings.get("store")
    if store:
        environment["MANYHANDS_STORE"] = str(store)
    flags = [flag for name, flag in FLAGS for _ in range(int(getattr(sys.flags, name)))]
    return os.posix_spawn(
        sys.executable,
        [sys.executable, *flags, "-P", "-c", PROGRAM, ROOT],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0)],
        setpgroup=0,
        setsigmask=(),
        setsigdef=(signal.SIGTERM, signal.SIGCHLD),
    )
