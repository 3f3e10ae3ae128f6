"""A rope: what any thread pulls to end another's wait on descriptors."""

from __future__ import annotations

import os
import threading


class Rope:
    """A pipe to oneself, for a select or poll that other things are waited for in too."""

    def __init__(self) -> None:
        self.ear, self._end = os.pipe()
        """`ear` is readable from a pull until `silence`."""
        os.set_blocking(self.ear, False)
        os.set_blocking(self._end, False)
        self._lock = threading.RLock()
        """A number that is closed may be another file's by now, so nobody writes to it while it is being closed."""
        self._closed = False

    def pull(self) -> None:
        """From any thread or signal handler; does nothing once it is closed."""
        with self._lock:
            if self._closed:
                return
            try:
                os.write(self._end, b"!")
            except BlockingIOError:
                pass  # it has been pulled often enough

    def silence(self) -> None:
        """Forget the pulls so far."""
        try:
            while len(os.read(self.ear, 4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.ear)
                os.close(self._end)
