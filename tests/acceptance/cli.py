"""The command line as a user has it: a process of its own, its output, its exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.kit import noted, wait_until

FLOWS = '''
import os
import sys

from manyhands import workflow


def note(ledger, text):
    with open(ledger, "a") as file:
        file.write(text + "\\n")


@workflow.step(name="square")
def square(n):
    print(f"squaring {n}")
    return n * n


@workflow.step(name="total", metadata={"unit": "pieces"})
def total(parts):
    return sum(parts)


@workflow.step(name="fact")
def fact(n, so_far=1):
    return so_far if n <= 1 else fact.step(n - 1, n * so_far)


@workflow.step(name="bad", max_retries=2)
def bad(text):
    print("about to fail")
    print("said aloud", file=sys.stderr)
    raise ValueError(text)


@workflow.step(name="done")
def done(ledger):
    note(ledger, "done")
    return "done"


@workflow.step(name="wait")
def wait(before, pipe, ledger):
    """Lasts until somebody writes to the pipe."""
    note(ledger, "wait")
    with open(pipe) as file:
        return file.read()


@workflow.step(name="answer", cache=True)
def answer(n):
    return 42 + n


def squares(n=3):
    return total.step([square.step(i) for i in range(n)])


def failing():
    return total.step([square.step(2), bad.step("no such luck"), square.step(3)])


def waiting(pipe, ledger):
    return total.options(name="last").step([wait.step(done.step(ledger), pipe, ledger)])


def greeting(pipe, ledger):
    return wait.step(done.step(ledger), pipe, ledger)


def cached(n=0):
    return answer.step(n)


def called():
    return square(3)


def nothing():
    return 3


ready = squares()
number = 3
'''


@dataclass
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """Commands in one folder, which holds the store and `flows.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MANYHANDS_")}
        self.env["PYTHONUNBUFFERED"] = "1"
        (folder / "flows.py").write_text(FLOWS)
        (folder / ".manyhands").mkdir()

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/.manyhands/store.db"

    def __call__(self, *args: str, code: int | None = 0, **env: str) -> Done:
        """Run a command and wait for it; the exit code has to be as expected, None: whatever it is."""
        found = subprocess.run(
            [sys.executable, "-m", "manyhands", *args],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=100,
            check=False,
        )
        done = Done(found.returncode, found.stdout, found.stderr)
        if code is not None:
            assert done.code == code, f"{args} ended with {done.code}:\n{done.out}\n{done.err}"
            assert "Traceback" not in done.err
        return done

    @contextmanager
    def started(self, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on; it is killed at the end if it is still there."""
        process = subprocess.Popen(
            [sys.executable, "-m", "manyhands", *args],
            cwd=self.folder,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def pipe(self, name: str = "pipe") -> Path:
        path = self.folder / name
        os.mkfifo(path)
        return path

    @contextmanager
    def waiting(self, run: str, what: str = "waiting") -> Iterator[tuple[subprocess.Popen[str], Path, Path]]:
        """A run that has come to its step `wait` and waits there for what is written to a pipe. That it runs is in the
        store a moment before its body begins, so the body is waited for too."""
        pipe, ledger = self.pipe(f"pipe-{run}"), self.folder / f"ledger-{run}"
        args = ("--arg", json.dumps(str(pipe)), "--arg", json.dumps(str(ledger)))
        with self.started("run", "workflow", f"flows.py:{what}", "--id", run, *args) as process:
            self.until(run, "wait", "running")
            wait_until(lambda: "wait" in noted(ledger), f"the step wait of {run}")
            yield process, pipe, ledger

    def until(self, run: str, task: str | None, state: str) -> None:
        """Wait for an event, as somebody who follows events does."""
        with self.started("events", "--follow", "--json", "--limit", "0") as follower:
            assert follower.stdout is not None
            for line in follower.stdout:
                event = json.loads(line)
                if (event["run"], event["task"], event["state"]) == (run, task, state):
                    return
        raise AssertionError(f"{run} {task} never became {state}")


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> tuple[str, str]:
    process.send_signal(number)
    return process.communicate(timeout=60)
