"""The way between an app's flows and its works: framed messages over Unix sockets, any number of works to one flow."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import msgspec

from manyhands.engine.rope import Rope
from manyhands.model.errors import BackendError

CHUNK = 256 * 1024
LENGTH = struct.Struct("<I")
LARGEST = 1 << 30
"""A frame that says it is longer is none of ours."""

Message = dict[str, Any]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


class ChannelBlocked(BackendError):
    """An app's works cannot call its flow: `ChannelBlocked(address, why)`."""

    text = "The works of the app cannot reach it at {0}: {1}. Set TMPDIR to a folder of yours that can be written."


def rendezvous(store: str, run_id: str) -> str:
    """Where the works of a run of this store find its flow, whichever process that is."""
    digest = blake2b(f"{store}\0{run_id}".encode(errors="surrogatepass"), digest_size=10).hexdigest()
    return os.path.join(tempfile.gettempdir(), f"manyhands-{os.getuid()}", f"{digest}.app")


def _listen(address: str) -> socket.socket:
    """In a folder that nobody but this user may enter. A socket that is there already is that of an app that is dead,
    or has lost the run's lease to this one."""
    folder = os.path.dirname(address)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.stat(folder).st_uid != os.getuid() or os.stat(folder).st_mode & 0o077:
            raise PermissionError(f"{folder} is open to others")
        if os.path.lexists(address):
            os.unlink(address)
        listening.bind(address)
        listening.listen(128)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ChannelBlocked(address, str(error)) from error
    return listening


def _identity(path: str) -> tuple[int, int] | None:
    """Of the file at the path; None without one. While who has made it keeps it open, no other file has the same."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def frame(message: Message) -> bytes:
    """One message as it travels. Errors: `TypeError`, `OverflowError` for what is no plain value."""
    body = _encode(message)
    return LENGTH.pack(len(body)) + body


class Frames:
    """Cuts what a stream brings into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Errors: `ValueError` when what comes is no message of ours."""
        rest = self._rest
        rest += data
        messages: list[Message] = []
        at = 0
        while len(rest) - at >= LENGTH.size:
            (size,) = LENGTH.unpack_from(rest, at)
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes")
            end = at + LENGTH.size + size
            if end > len(rest):
                break
            messages.append(_decode(bytes(rest[at + LENGTH.size : end])))
            at = end
        if at:
            del rest[:at]
        return messages


class Line:
    """The work's end. Any thread sends; a message goes out whole. When the flow is gone, sending does nothing."""

    def __init__(self, address: str, work: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(address)
        self._frames = Frames()
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self.send({"hello": work, "pid": self._pid})

    def send(self, message: Message) -> None:
        """Errors: `TypeError`, `OverflowError` for what cannot travel, with nothing sent."""
        data = frame(message)
        if os.getpid() != self._pid:
            return  # a process that the work has forked has no line of its own
        with self._lock:
            try:
                self._socket.sendall(data)
            except OSError:
                pass  # the flow is gone; whoever started this process ends it, too

    def receive(self) -> list[Message]:
        """Wait for messages; nothing once the flow is gone."""
        while True:
            try:
                data = self._socket.recv(CHUNK)
            except OSError:
                return []
            if not data:
                return []
            messages = self._frames.feed(data)
            if messages:
                return messages

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


class _Caller:
    """The flow's end of one line. `work`: whose it is, known from its first message."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.frames = Frames()
        self.work = ""
        self.unsent: deque[bytes] = deque()


class Exchange:
    """The flow's ends of all lines, and the one place where its loop waits.

    `address`: see `rendezvous`. `greet`: called with name and process id of a work that has called. Only the loop's
    thread uses it, but for `ring`. What works say is kept in `heard`, by work and in order, until the loop takes it.
    Errors: `ChannelBlocked` when nobody can be heard at the address.
    """

    def __init__(self, address: str, greet: Callable[[str, int], None]) -> None:
        self.address = address
        self.heard: dict[str, deque[Message]] = {}
        self._greet = greet
        self._listening = _listen(address)
        self._own = _identity(address)
        self._selector = selectors.DefaultSelector()
        self._callers: dict[str, _Caller] = {}
        self._unknown: set[_Caller] = set()
        self._rope = Rope()
        self._selector.register(self._rope.ear, selectors.EVENT_READ, None)
        self._closed = False
        self._selector.register(self._listening, selectors.EVENT_READ, self._listening)

    def ring(self) -> None:
        """End `wait` now; from any thread or signal handler."""
        self._rope.pull()

    def wait(self, seconds: float) -> None:
        """Until something comes, at most so long; hears whatever is there."""
        for key, events in self._selector.select(seconds):
            if key.fd == self._rope.ear:
                self._rope.silence()
            elif key.data is self._listening:
                self._accept()
            elif isinstance(key.data, _Caller):
                if events & selectors.EVENT_WRITE:
                    self._flush(key.data)
                if events & selectors.EVENT_READ:
                    self._hear(key.data)

    def drain(self, work: str) -> None:
        """Hear all that a work has said by now."""
        self._accept()
        for unknown in list(self._unknown):
            self._hear(unknown)
        caller = self._callers.get(work)
        if caller is not None:
            while self._hear(caller):
                pass

    def send(self, work: str, message: Message) -> bool:
        """Send to a work without waiting; False when it has no line."""
        caller = self._callers.get(work)
        if caller is None:
            return False
        caller.unsent.append(frame(message))
        self._flush(caller)
        return True

    def forget(self, work: str) -> None:
        """Hang up on a work; what it has said is dropped."""
        caller = self._callers.get(work)
        if caller is not None:
            self._drop(caller)
        self.heard.pop(work, None)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for caller in [*self._callers.values(), *self._unknown]:
            self._drop(caller)
        self._selector.close()
        # An app that has lost its run's lease leaves its successor's socket alone; to be told apart, its own is open.
        if _identity(self.address) == self._own:
            with suppress(OSError):
                os.unlink(self.address)
        self._listening.close()
        self._rope.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setblocking(False)
            caller = _Caller(connection)
            self._unknown.add(caller)
            self._selector.register(connection, selectors.EVENT_READ, caller)
            self._hear(caller)

    def _hear(self, caller: _Caller) -> bool:
        """Whether there may be more."""
        try:
            data = caller.connection.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._drop(caller)
            return False
        try:
            messages = caller.frames.feed(data)
        except (ValueError, msgspec.MsgspecError):
            self._drop(caller)
            return False
        if messages and not caller.work:
            self._introduce(caller, messages.pop(0))
        if messages and caller.work:
            self.heard.setdefault(caller.work, deque()).extend(messages)
        return True

    def _introduce(self, caller: _Caller, hello: Message) -> None:
        work, pid = hello.get("hello"), hello.get("pid")
        if not isinstance(work, str) or not isinstance(pid, int):
            self._drop(caller)
            return
        older = self._callers.get(work)
        if older is not None:
            while self._hear(older):
                pass
            self._drop(older)
        self._unknown.discard(caller)
        caller.work = work
        self._callers[work] = caller
        self._greet(work, pid)

    def _flush(self, caller: _Caller) -> None:
        unsent = caller.unsent
        try:
            while unsent:
                count = caller.connection.send(unsent[0])
                if count < len(unsent[0]):
                    unsent[0] = unsent[0][count:]
                else:
                    unsent.popleft()
        except BlockingIOError:
            pass
        except OSError:
            unsent.clear()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
        try:
            if self._selector.get_key(caller.connection).events != wanted:
                self._selector.modify(caller.connection, wanted, caller)
        except KeyError:
            pass

    def _drop(self, caller: _Caller) -> None:
        self._unknown.discard(caller)
        if self._callers.get(caller.work) is caller:
            del self._callers[caller.work]
        try:
            self._selector.unregister(caller.connection)
        except (KeyError, ValueError):
            pass
        caller.connection.close()
