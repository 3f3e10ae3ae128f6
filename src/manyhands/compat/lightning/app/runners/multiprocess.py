"""Runs an app on this machine, each work in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from manyhands.app.endings import AppFailed, WorkFailed
from manyhands.compat.lightning.app.runners.runtime import Runtime

log = logging.getLogger("manyhands.app")

PAGE = "manyhands.dashboard.app_page"
"""What serves an app's page; by name, because it is an extra."""


@dataclass
class MultiProcessRuntime(Runtime):
    """The one runtime there is here."""

    def dispatch(
        self,
        *args: Any,
        on_before_run: Callable[..., Any] | None = None,
        open_ui: bool = False,
        blocking: bool = False,
        **kwargs: Any,
    ) -> None:
        """Run the app until it stops.

        `on_before_run`: called with the runtime and the app when the page is there. `open_ui`: open the page in a
        browser. `blocking`: wait until Run is pressed on it. Errors: `SystemExit(1)` when the app fails or one of its
        works does; whatever the flow raises.
        """
        os.environ.update(self.env_vars)
        with self._serving(open_ui) as address:
            if address:
                log.info("Your app has started. View it in your browser: %s", address)
            if on_before_run is not None:
                on_before_run(self, self.app)
            try:
                self.app.run(blocking and bool(address))
            except (AppFailed, WorkFailed) as error:
                log.error("%s", error)
                raise SystemExit(1) from error

    def terminate(self) -> None:
        """End the app in good order, from any thread."""
        self.app.request_stop()

    def _serving(self, open_ui: bool) -> AbstractContextManager[str]:
        if not self.start_server:
            return nullcontext("")
        page: Any = importlib.import_module(PAGE)
        if not all(importlib.util.find_spec(part) for part in page.ITS_PARTS):
            return nullcontext("")
        serving: AbstractContextManager[str] = page.serve(self.app, host=self.host, port=self.port, open_ui=open_ui)
        return serving
