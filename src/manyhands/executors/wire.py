"""What driver, fork server and workers say to each other: frames on sockets, and a board in shared memory."""

from __future__ import annotations

import mmap
import os
import socket
import struct
from typing import Any

import msgspec

CHUNK = 64 * 1024
HEADER = struct.Struct("<Q")


class Hello(msgspec.Struct, array_like=True):
    """The first frame to a fork server; the board's descriptor comes with it. `grace`: seconds between SIGTERM and
    SIGKILL when the driver is gone. `log_folder`: where workers write their output; None leaves them the driver's."""

    sys_path: list[str]
    settings: dict[str, Any]
    preload: list[str]
    log_folder: str | None
    grace: float


class Spawn(msgspec.Struct, array_like=True, tag=1):
    """Fork a worker; its ends of the task and the control socket come with the frame. `place`: its lines of the
    board. `born`: milliseconds since the epoch, part of its log's name."""

    serial: int
    place: int
    born: int
    sys_path: list[str] | None = None


class Stop(msgspec.Struct, array_like=True, tag=2):
    """SIGTERM to the worker's process group, SIGKILL after `grace` seconds."""

    serial: int
    grace: float


class Exited(msgspec.Struct, array_like=True):
    """A worker is gone. `code`: its exit code, or minus the signal that killed it; None when it could not be forked,
    and then `error` says why."""

    serial: int
    code: int | None
    error: str = ""


class Recall(msgspec.Struct, array_like=True):
    """Take back launches `first` to `end` (numbers in the order in which this worker was sent them)."""

    first: int
    end: int


class Recalled(msgspec.Struct, array_like=True, tag=1):
    """Launches `first` to `end` will not be run. `begun`, `done`: how many launches were begun and ended by then; the
    reports of those that ended have been sent."""

    first: int
    end: int
    begun: int
    done: int


class Rests(msgspec.Struct, array_like=True, tag=2):
    """From a worker whose attempt waits for something that other workers may have to do: `begun` when it begins to
    wait, else it goes on."""

    begun: bool


encode = msgspec.msgpack.Encoder().encode


def frame(message: object) -> bytes:
    body = encode(message)
    return HEADER.pack(len(body)) + body


class Frames:
    """Cuts what a stream brings into frames; a frame of many megabytes is copied into its place once."""

    def __init__(self) -> None:
        self._rest = b""
        self._large: bytearray | None = None
        self._filled = 0

    def receive(self, stream: socket.socket) -> list[bytes | bytearray]:
        """The frames that one read completes. Raises `EOFError` at the end, `BlockingIOError` as the socket does."""
        if self._large is not None:
            return self._receive_large(stream, self._large)
        return self.feed(stream.recv(CHUNK))

    def feed(self, data: bytes) -> list[bytes | bytearray]:
        if not data:
            raise EOFError
        if self._rest:
            data = self._rest + data
        frames: list[bytes | bytearray] = []
        at, total = 0, len(data)
        while total - at >= HEADER.size:
            begin = at + HEADER.size
            (size,) = HEADER.unpack_from(data, at)
            if begin + size > total:
                if size > CHUNK:
                    self._large = bytearray(size)
                    self._filled = total - begin
                    self._large[: self._filled] = data[begin:]
                    at = total
                break
            at = begin + size
            frames.append(data[begin:at])
        self._rest = data[at:]
        return frames

    def _receive_large(self, stream: socket.socket, large: bytearray) -> list[bytes | bytearray]:
        with memoryview(large) as view:
            count = stream.recv_into(view[self._filled :])
        if not count:
            raise EOFError
        self._filled += count
        if self._filled < len(large):
            return []
        self._large = None
        return [large]


class Board:
    """Memory shared with all workers of one fork server: what must be known of a worker however suddenly it dies.

    A worker has one place on it: `PID`, `BEGUN` (how many launches it has begun), `LOG` (size of its log when it began
    the last one) and `SINCE` (when that was, in nanoseconds since the epoch).
    """

    PID, BEGUN, LOG, SINCE, WIDTH = 0, 1, 2, 3, 8
    PLACES = 4096

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, self.PLACES * self.WIDTH * 8)
        self._cells = memoryview(self._memory).cast("q")

    def place(self, number: int) -> memoryview:
        return self._cells[number * self.WIDTH : (number + 1) * self.WIDTH]

    def close(self) -> None:
        """All places handed out must be released before."""
        self._cells.release()
        self._memory.close()

    @classmethod
    def descriptor(cls) -> int:
        """A new descriptor of zeroed memory that `Board` can open, here and in another process."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("manyhands-board", os.MFD_CLOEXEC)
        else:
            path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"manyhands-board-{os.urandom(16).hex()}")  # noqa: S108
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.unlink(path)
        os.ftruncate(descriptor, cls.PLACES * cls.WIDTH * 8)
        return descriptor


def log_name(pid: int, born: int) -> str:
    return f"{pid}-{born}.log"
