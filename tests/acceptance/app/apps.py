"""What tests of apps share: apps run in this process, and by the command in a process of their own."""

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import httpx

from manyhands.app import Flow
from tests.acceptance.kit import Place, started, wait_until

SEEDS = Path(__file__).parents[1] / "seeds"
LOOSE_SECONDS = 90.0
"""Most a flow of these tests lives, unless something is wrong."""


get, post, put = (partial(ask, timeout=60.0) for ask in (httpx.get, httpx.post, httpx.put))
"""Requests that a busy machine may take its time for."""


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "manyhands", "run", "app", "--without-server", *map(str, words)]


GRACE = {"MANYHANDS_GRACE_SECONDS": "20"}
"""Enough for a starved work to leave in order; one that missed its signal is killed before anybody's patience ends."""


def environment(place: Place) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[3])
    return {**GRACE, **os.environ, "MANYHANDS_STORE": place.url, "PYTHONPATH": root}


def write(place: Place, text: str, name: str = "program.py") -> Path:
    path = place.folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


@dataclass
class Running:
    """An app in a process of its own."""

    process: "subprocess.Popen[str]"
    output: Path

    @property
    def lines(self) -> list[str]:
        return self.output.read_text(encoding="utf-8").splitlines()

    def wait_for(self, text: str) -> None:
        wait_until(lambda: any(text in line for line in self.lines), f"{text!r} in {self.output}")

    def wait_end(self, seconds: float = 60.0) -> int:
        return self.process.wait(seconds)


@contextmanager
def running(place: Place, *words: object) -> Iterator[Running]:
    """The app of the command line, in a process group of its own; gone at the end."""
    output = place.folder / "output.txt"
    output.unlink(missing_ok=True)
    with started(command(*words), place.folder, environment(place), output) as process:
        yield Running(process, output)


def run(place: Place, *words: object, seconds: float = 100.0) -> "subprocess.CompletedProcess[str]":
    """The app of the command line, run to its end."""
    return subprocess.run(
        command(*words), cwd=place.folder, env=environment(place), capture_output=True, text=True, timeout=seconds
    )


def collapsed(lines: list[str]) -> list[str]:
    """Repeats that follow each other are one."""
    return [line for line, _ in groupby(lines)]


def masked(text: str) -> str:
    return re.sub(r"timestamp=[0-9.]+", "timestamp=…", text)


class Watched(Flow):
    """A flow that is stopped when it lives longer than any of these tests means to."""

    def __init__(self) -> None:
        super().__init__()
        self._noticed: list[str] = []
        self._due = time.time() + LOOSE_SECONDS

    def see(self, what: object) -> None:
        """Note it, once for all turns in which it is the same."""
        text = str(what)
        if not self._noticed or self._noticed[-1] != text:
            self._noticed.append(text)

    def check_time(self) -> None:
        if time.time() > self._due:
            self.fail(f"nothing more has come; seen: {self._noticed}")


def stages(work: object) -> list[str]:
    """The stages of a work's latest call."""
    return [status.stage for status in work.statuses]  # type: ignore[attr-defined]
