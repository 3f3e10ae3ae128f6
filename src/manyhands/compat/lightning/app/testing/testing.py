"""Apps that tests look into while they run."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from manyhands.app.control import Control
from manyhands.app.history import LATEST
from manyhands.app.rooted import AppStage
from manyhands.app.status import WorkStageStatus
from manyhands.compat.errors import NotCovered
from manyhands.compat.lightning.app.core.app import LightningApp
from manyhands.compat.lightning.app.core.flow import LightningFlow
from manyhands.compat.lightning.app.core.work import LightningWork
from manyhands.compat.lightning.app.runners.multiprocess import MultiProcessRuntime
from manyhands.model.errors import StateError


class NoProcess(StateError, KeyError):
    """A work to be killed has no process: `NoProcess(work_name)`."""

    text = "The work {0} has no process. It has one from its first call, or from `start()`, until it is stopped."


class LightningTestApp(LightningApp):
    """An app that calls `on_before_run_once` and `on_after_run_once` around each turn of its flow, in its thread;
    what is true of what they return ends the app. `counter`: how many turns there were."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counter = 0
        self.control = _Between(self)

    def on_before_run_once(self) -> Any:
        """For tests to override."""

    def on_after_run_once(self) -> Any:
        """For tests to override, which call this one to have turns counted."""
        self.counter += 1

    def kill_work(self, work_name: str, sleep_time: int = 1) -> None:
        """Send SIGTERM to a work's process; nothing waits for its end. Errors: `NoProcess` (a `KeyError`);
        `NotRunning`."""
        pid = self.life.pid(work_name)
        if pid is None:
            raise NoProcess(work_name)
        with suppress(ProcessLookupError):  # it is ending already
            os.kill(pid, signal.SIGTERM)

    def restart_work(self, work_name: str) -> None:
        """Errors: `NotCovered`."""
        raise NotCovered(
            "LightningTestApp.restart_work", "A work that lost its process gets a new one by its next call. "
        )


class _Between(Control):
    """Hears of each turn."""

    def __init__(self, app: LightningTestApp) -> None:
        super().__init__(app)
        self._tested = app

    def begins(self) -> None:
        super().begins()
        self._end_if(self._tested.on_before_run_once())

    def publish(self, changed: bool) -> None:
        super().publish(changed)
        if self._tested.stage == AppStage.RUNNING:
            self._end_if(self._tested.on_after_run_once())
            self._end_if(self._tested.on_before_run_once())

    def _end_if(self, done: Any) -> None:
        if done:
            self._tested.request_stop()


class SingleWorkFlow(LightningFlow):
    """Calls one work once, with these arguments, and ends when it has."""

    def __init__(self, work: LightningWork, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.work = work
        self._args, self._kwargs = args, kwargs

    def run(self) -> None:
        """One turn."""
        if self.work.has_succeeded or self.work.has_failed:
            self.stop()
        self.work.run(*self._args, **self._kwargs)


def run_work_isolated(work: LightningWork, *args: Any, start_server: bool = False, **kwargs: Any) -> None:
    """Run a work once, in a process of its own; its status afterwards is that of the call.

    Errors: `SystemExit(1)` when it fails and was made with `raise_exception`.
    """
    MultiProcessRuntime(LightningApp(SingleWorkFlow(work, args, kwargs)), start_server=start_server).dispatch()
    statuses = work._calls[work._calls[LATEST]]["statuses"]
    while statuses[-1]["stage"] == WorkStageStatus.STOPPED:
        statuses.pop()
