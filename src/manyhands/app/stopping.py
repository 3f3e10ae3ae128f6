"""SIGTERM in a work's process: heard whatever the work does, obeyed when nothing is half told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.05


class WorkStopped(BaseException):
    """The work was told to stop while it ran; unwinds its code so that its `finally` clauses run."""


class Uninterrupted:
    """SIGTERM waits while the main thread is inside: what it tells and what it has told must stay one.

    `leave`: called once, in the main thread, when the process is to end; raises `WorkStopped` where there is code to
    unwind.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._depth = 0
        self._main = threading.main_thread()
        self._asked = False
        self._noticed = False
        self._left = False
        self._lost = False
        self._insists = False
        self._pid = os.getpid()
        self._ignored = sys.unraisablehook

    def watch(self) -> None:
        """From now on SIGTERM comes here. In the main thread."""
        signal.signal(signal.SIGTERM, self._hear)
        self._ignored, sys.unraisablehook = sys.unraisablehook, self._ignore

    def insist(self) -> None:
        """The signal is on its way: see to it that it is obeyed. From any thread.

        Python runs a handler between two instructions: of a signal that comes just before a system call it learns when
        that call returns, and a work that waits for its next call would wait on. And what a handler raises is lost
        where Python ignores exceptions, as in a `__del__`. So a thread sends the signal again until it is obeyed, or
        the work has put a handler of its own there.
        """
        if not self._insists:
            self._insists = True
            threading.Thread(target=self._ask_again, name="manyhands-stop", daemon=True).start()

    def __enter__(self) -> None:
        if threading.current_thread() is self._main:
            self._depth += 1

    def __exit__(self, *error: object) -> None:
        if threading.current_thread() is self._main:
            self._depth -= 1
            if self._asked and not self._depth:
                self._obey()

    def _hear(self, number: int, stack: FrameType | None) -> None:
        """The signal is here. A process that the work has forked is none of ours, and ends as it would have."""
        if os.getpid() != self._pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self._noticed = self._asked = True
        if not self._depth:
            self._obey()

    def _obey(self) -> None:
        self._asked = False
        if not self._left:
            self._left = True
            self._leave()
        elif self._lost:
            self._lost = False
            raise WorkStopped

    def _ask_again(self) -> None:
        main = self._main.ident
        while main is not None and signal.getsignal(signal.SIGTERM) == self._hear:
            time.sleep(AGAIN_SECONDS)
            if not self._noticed:
                signal.pthread_kill(main, signal.SIGTERM)

    def _ignore(self, ignored: Any) -> None:
        """Python has ignored an exception."""
        if ignored.exc_type is not WorkStopped:
            self._ignored(ignored)
        elif os.getpid() == self._pid:
            self._lost = True
            self._noticed = False
            self.insist()
