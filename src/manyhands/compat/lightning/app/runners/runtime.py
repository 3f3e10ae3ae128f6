"""What an app is run with."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from manyhands.compat.lightning.app.core.app import LightningApp


@dataclass
class Runtime:
    """`start_server`: whether the app's page is served at `host` and `port`, where its extra is installed. `env_vars`
    are set before the app begins. `secrets` and `backend` do nothing here."""

    app: LightningApp
    entrypoint: str | os.PathLike[str] | None = None
    start_server: bool = True
    host: str = "127.0.0.1"
    port: int = 7501
    backend: Any = "multiprocessing"
    env_vars: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        """Run the app."""
        raise NotImplementedError(f"{type(self).__name__} has no dispatch(); take MultiProcessRuntime")
