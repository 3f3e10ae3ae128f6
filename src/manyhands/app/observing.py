"""Seeing what a running work changes in itself, and telling its flow: assignments at once, the rest very soon."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from manyhands.app import delta

log = logging.getLogger("manyhands")

LOOK_SECONDS = 0.05
"""How often a running work's state is looked through for what was changed in place."""

SOON_SECONDS = 0.003
"""Assignments that follow each other more closely than this travel together."""

SHARE = 0.1
"""At most this share of the time is spent on looking through a large state."""

QUICK_SECONDS = 0.001
"""A state that takes longer to look through is left to the thread, so that assignments stay cheap."""

State = dict[str, Any]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Observer:
    """Compares what a work is with what its flow has been told, and tells the difference.

    `read`: the work's public attributes as plain values. `tell`: takes a list of delta operations. `known`: what the
    flow knows. `assigned` is called by the thread that runs the work; a thread of this class' own looks for changes in
    place. Both see snapshots, so a container that is changed meanwhile is told as it was at one moment.
    """

    def __init__(self, read: Callable[[], State], tell: Callable[[list[Any]], None], known: State) -> None:
        self._read = read
        self._tell = tell
        self.lock = threading.RLock()
        """Held while the work is compared with what is known; who changes both takes it."""
        self._wake = threading.Event()
        self._known = known
        self._told = _encode(known)
        self._told_at = 0.0
        self._cost = 0.0
        self._complained = False
        self._ended: threading.Event | None = None

    def start(self) -> None:
        """Look from now on; what has changed before is told at once. Errors: as of `flush`."""
        self.flush()
        self._ended = threading.Event()
        threading.Thread(target=self._look_again, args=(self._ended,), name="manyhands-observer", daemon=True).start()

    def stop(self) -> None:
        """Tell what is left to tell, and look no more. Safe to call twice. Errors: as of `flush`."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.set()
            self._wake.set()
            self.flush()

    def assigned(self) -> None:
        """The work has assigned to an attribute."""
        if self._ended is None:
            return
        if self._cost < QUICK_SECONDS and time.monotonic() - self._told_at >= SOON_SECONDS:
            try:
                self.flush()
            except (TypeError, OverflowError, ValueError, RuntimeError):
                self._wake.set()  # the thread says what is wrong, or finds it mended
        else:
            self._wake.set()

    def tell_all(self) -> None:
        """Tell every attribute as it is: the flow has lost track. Errors: as of `flush`."""
        with self.lock:
            self.flush()
            self._tell([[[name], "set", value] for name, value in self._known.items()])

    def known(self, operations: list[Any]) -> None:
        """The flow has made these changes itself, so it need not be told of them."""
        with self.lock:
            self._known = delta.apply(self._known, operations)
            self._told = _encode(self._known)

    def flush(self) -> None:
        """Tell what has changed until now. Errors: `TypeError`, `OverflowError` where the state is no plain data."""
        with self.lock:
            began = time.monotonic()
            now = _encode(self._read())
            self._told_at = time.monotonic()
            self._cost = self._told_at - began
            if now == self._told:
                return
            state = _decode(now)
            operations = delta.difference(self._known, state)
            self._told, self._known = now, state
            if operations:
                self._tell(operations)

    def _look_again(self, ended: threading.Event) -> None:
        while True:
            pause = self._cost / SHARE
            if self._wake.wait(max(LOOK_SECONDS, pause)):
                self._wake.clear()
                ended.wait(max(SOON_SECONDS, pause))
            if ended.is_set():
                return
            try:
                self.flush()
                self._complained = False
            except RuntimeError:
                pass  # it was changed while it was read; the next look is soon
            except (TypeError, OverflowError, ValueError) as error:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            log.warning("A change of the work's state cannot be told to its flow: %s. Keep plain values there.", error)
