"""An app: a root flow and the components below it, which can be run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from manyhands.app.checkpoints import Checkpointed
from manyhands.app.control import Control
from manyhands.app.endings import NotRunning
from manyhands.app.flow import Flow
from manyhands.app.frontend import AppInfo, prefix_of
from manyhands.app.layout import layout_of
from manyhands.app.life import Life, Terms
from manyhands.app.loop import Request
from manyhands.app.work import Work
from manyhands.engine.context import client
from manyhands.model.errors import OptionError

log = logging.getLogger("manyhands.app")

LOG_LEVELS = {"info": logging.INFO, "debug": logging.DEBUG}

T = TypeVar("T")


loading: ContextVar[list[App] | None] = ContextVar("manyhands_loading", default=None)
"""Where an app whose file is only being loaded, to be run by somebody else, puts itself instead of running."""


class App(Checkpointed):
    """A root flow, or a work, to be run.

    `durable`: keep calls, statuses and state in the store, so that the app goes on where it was when it is run again
    after any end of its process; what has succeeded is not run again. `run_id` is the name under which it is kept, by
    default that of the file it is in. `log_level`: "info" or "debug". `info`: what the app's page says of itself,
    an `AppInfo`. `root_path`: the prefix of the page's address behind a proxy, as in "/apps/digits".
    `flow_cloud_compute` does nothing here.

    Errors: `MissingRootRun` (a `TypeError`) for a root flow without `run`; `OptionError`.
    """

    def __init__(
        self,
        root: Flow | Work,
        flow_cloud_compute: Any = None,
        log_level: str = "info",
        info: AppInfo | None = None,
        root_path: str = "",
        *,
        durable: bool = False,
        run_id: str | None = None,
    ) -> None:
        if log_level not in LOG_LEVELS:
            raise OptionError(f"log_level is {log_level!r}; it is one of {', '.join(LOG_LEVELS)}.")
        if flow_cloud_compute is not None:
            log.info("`flow_cloud_compute` does nothing here: flows run in this process.")
        if info is not None and not isinstance(info, AppInfo):
            raise OptionError(f"info is {info!r}; it is an AppInfo of manyhands.app.frontend.")
        super().__init__(root)
        self.log_level = log_level
        self.info = info
        self.root_path = prefix_of(root_path)
        self.exception: BaseException | None = None
        """What has ended the last run, where it was an error."""
        self.run_id = run_id or (_default_id(self._root) if durable else None)
        """The id of the run that the app is; None before it runs, unless it is durable."""
        self._durable = durable or run_id is not None
        self._life: Life | None = None
        self._stop_asked = False
        layout_of(self._root)  # a layout that cannot be shown is an error now, not when somebody looks
        self.control = Control(self)
        """The app as other threads see it."""

    def keep(self, run_id: str) -> None:
        """Make it durable, under this name."""
        self.run_id, self._durable = run_id, True

    def run(self, blocking: bool = False) -> None:
        """Run the app until its flow stops it. `blocking`: wait until `control.request_run` is called. While
        `manyhands run app` loads the file this returns at once: the command runs the app, on its own terms.

        Errors: whatever the flow raises; `AppFailed` when it calls `fail`; `WorkFailed` when a work does that was made
        with `raise_exception`; `RunActive` when an app of this name runs already; `KeyboardInterrupt`. Its works are
        stopped before.
        """
        noted = loading.get()
        if noted is not None:
            noted.append(self)
            return
        self.exception = None
        terms = Terms(self.run_id if self._durable else None, self._durable, blocking, self._after_turn)
        life = Life(self, client(), terms)
        level = log.level
        log.setLevel(min(LOG_LEVELS[self.log_level], log.getEffectiveLevel()))
        self.run_id = life.run_id
        try:
            with life:
                self._life = life
                self.control.begins()
                if self._stop_asked:
                    life.stop()
                life.live()
        except BaseException as error:
            self.exception = error
            raise
        finally:
            self._life = None
            self._stop_asked = False
            log.setLevel(level)

    def _after_turn(self, changed: bool) -> None:
        self.control.publish(changed)
        if changed and self.checkpointing:
            self.dump_checkpoint()

    def request_stop(self) -> None:
        """End the app in good order, also one that has yet to begin; from any thread or signal handler."""
        self._stop_asked = True
        life = self._life
        if life is not None:
            life.stop()

    def request_run(self) -> None:
        """Let an app begin that waits for it; from any thread."""
        life = self.life
        life.loop.ask(life.let_begin)

    def request(self, work: Callable[[], T]) -> Request[T]:
        """Have something done in the loop's thread, between two turns. Errors: `NotRunning`."""
        return self.life.loop.ask(work)

    @property
    def life(self) -> Life:
        """Its present run. Errors: `NotRunning`."""
        life = self._life
        if life is None:
            raise NotRunning("That cannot be done now")
        return life


def _default_id(root: Flow) -> str:
    path = getattr(sys.modules.get(type(root).__module__), "__file__", None)
    return os.path.splitext(os.path.basename(path))[0] if path else type(root).__name__
