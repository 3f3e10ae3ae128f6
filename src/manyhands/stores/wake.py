"""A word from one process to another that a store has news: a datagram to a Unix socket."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b

from manyhands.model.errors import StoreUnavailable
from manyhands.stores.location import parse_location, short_folder

SUFFIX = ".sock"
NEWS = b"!"
DATAGRAM_BYTES = 16


def short_hash(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


class SocketWake:
    """Wakes engines of a store file, and is woken for one of them.

    Each engine listens on a socket file of its own, in a folder of this user that is named after the store. Without an
    `engine`, or before `fileno` is first called, nothing listens here. Datagrams are lost only where one is waiting
    already, and then the engine is to be woken anyway. No threads, no connections: an engine that has ended leaves at
    most a file, which the next one to wake it removes.
    """

    def __init__(self, path: str, engine: str | None = None) -> None:
        self._folder = os.path.join(short_folder(), short_hash(os.path.realpath(path)))
        self._engine = engine
        self._in: socket.socket | None = None
        self._out: socket.socket | None = None
        self._sending = threading.Lock()

    def address(self, engine: str) -> str:
        return os.path.join(self._folder, short_hash(engine) + SUFFIX)

    def fileno(self) -> int:
        if self._in is None:
            self._in = self._listen()
        return self._in.fileno()

    def _listen(self) -> socket.socket:
        if self._engine is None:
            raise ValueError("nobody listens without an engine")
        address = self.address(self._engine)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            while not self._bind(listening, address):
                pass
            listening.setblocking(False)
        except OSError as error:
            listening.close()
            why = f"{error.strerror}. Set XDG_RUNTIME_DIR to a folder of yours that can be written."
            raise StoreUnavailable(address, why) from error
        return listening

    def _bind(self, listening: socket.socket, address: str) -> bool:
        """False when the folder has just gone, with the engine that was alone in it."""
        with suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
        try:
            if os.path.exists(address):
                os.unlink(address)
            listening.bind(address)
        except FileNotFoundError:
            return False
        return True

    def wake(self, engines: Iterable[str] | None = None) -> None:
        for address in self._everybody() if engines is None else map(self.address, engines):
            self._send(address)

    def _everybody(self) -> list[str]:
        try:
            return [os.path.join(self._folder, name) for name in os.listdir(self._folder) if name.endswith(SUFFIX)]
        except FileNotFoundError:
            return []

    def _send(self, address: str) -> None:
        try:
            with self._sending:
                if self._out is None:
                    self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    self._out.setblocking(False)
                self._out.sendto(NEWS, address)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            remove(address)
        except OSError:
            # Nobody there, or nobody we may talk to: engines also look at the store by themselves.
            return

    def drain(self) -> None:
        if self._in is None:
            return
        try:
            while True:
                self._in.recv(DATAGRAM_BYTES)
        except BlockingIOError:
            return

    def close(self) -> None:
        if self._in is not None and self._engine is not None:
            self._in.close()
            self._in = None
            remove(self.address(self._engine))
            with suppress(OSError):  # others are in it
                os.rmdir(self._folder)
        with self._sending:
            if self._out is not None:
                self._out.close()
                self._out = None


class PipeWake:
    """For a store in memory, which only this process has: everybody who listens is this object."""

    def __init__(self) -> None:
        self._in, self._out = os.pipe()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def fileno(self) -> int:
        return self._in

    def wake(self, engines: Iterable[str] | None = None) -> None:
        if self._out < 0:
            return
        try:
            os.write(self._out, NEWS)
        except BlockingIOError:
            return

    def drain(self) -> None:
        try:
            while os.read(self._in, DATAGRAM_BYTES):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        for descriptor in (self._in, self._out):
            if descriptor >= 0:
                os.close(descriptor)
        self._in = self._out = -1


def open_wake(url: str, engine: str | None = None) -> SocketWake | PipeWake:
    """What wakes the engines of this store, and `engine` here."""
    path = parse_location(url).path
    return PipeWake() if path is None else SocketWake(path, engine)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
