"""Copying what attempts print to the driver's own standard output."""

from __future__ import annotations

import os
import sys

from manyhands.model.outcomes import LogRange

CHUNK = 1 << 20


class Echo:
    """Prefixes each line with who wrote it. Falls silent for good when standard output cannot be written any more."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._silent = False

    def show(self, log: LogRange, label: str, pid: int) -> None:
        if self._silent or sys.stdout is None:
            return
        prefix = f"({label} pid={pid}) " if label else f"(pid={pid}) "
        try:
            self._copy(log, prefix)
            sys.stdout.flush()
        except (OSError, ValueError):
            self._silent = True

    def _copy(self, log: LogRange, prefix: str) -> None:
        with open(os.path.join(self._folder, log.file), "rb") as file:
            file.seek(log.start)
            left = log.end - log.start
            while left > 0 and (line := file.readline(min(left, CHUNK))):
                left -= len(line)
                sys.stdout.write(prefix + line.decode("utf-8", "replace").rstrip("\r\n") + "\n")
