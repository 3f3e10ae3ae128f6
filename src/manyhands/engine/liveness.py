"""Which engines are known to be dead: those of this host whose process is gone."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterable

from manyhands.model.records import EngineRecord

_FALLBACK = "manyhands.engine.processes"
"""Asked where there is no /proc; loaded only then, because psutil is slow to load."""


def host() -> str:
    """This host until it is booted anew: a process number means something only there and until then."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{socket.gethostname()}/{file.read().strip()[:8]}"
    except OSError:
        return socket.gethostname()


def born(pid: int) -> str | None:
    """When the process was started, in the host's own clock; None when there is no such process any more.

    A process that has ended and that its parent has not yet asked about counts as gone.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return None
        return importlib.import_module(_FALLBACK).born(pid)  # type: ignore[no-any-return]
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")


class Liveness:
    """Tells dead engines from living ones, as far as this host can know."""

    def __init__(self) -> None:
        self._host = host()

    def dead(self, engines: Iterable[EngineRecord], now: float) -> list[str]:
        """Ids of the engines that have stopped or expired, or whose process on this host is gone."""
        return [engine.id for engine in engines if not self.alive(engine, now)]

    def alive(self, engine: EngineRecord, now: float) -> bool:
        if engine.stopped_at is not None:
            return False
        if engine.host == self._host and engine.born != born(engine.pid):
            return False
        return engine.expires_at > now
