"""The name of an app."""

from __future__ import annotations

from typing import Any

from manyhands.app import App
from manyhands.app.flow import Flow
from manyhands.app.rooted import AppStage
from manyhands.app.work import Work

__all__ = ["AppStage", "LightningApp"]


class LightningApp(App):
    """An `App`. `debug`: the old name of `log_level="debug"`. Errors: see `App`."""

    def __init__(
        self,
        root: Flow | Work,
        flow_cloud_compute: Any = None,
        log_level: str = "info",
        info: Any = None,
        root_path: str = "",
        *,
        debug: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(root, flow_cloud_compute, "debug" if debug else log_level, info, root_path, **options)
