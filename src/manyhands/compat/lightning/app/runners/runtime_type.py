"""The kinds of runtimes, and the function that runs the app of a file with one of them."""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

from manyhands.compat.errors import NotCovered
from manyhands.compat.lightning.app.runners.multiprocess import MultiProcessRuntime
from manyhands.compat.lightning.app.runners.runtime import Runtime
from manyhands.compat.lightning.app.utilities.app_commands import run_app_commands
from manyhands.compat.lightning.app.utilities.load_app import load_app_from_file


class RuntimeType(Enum):
    """Where an app runs."""

    MULTIPROCESS = "multiprocess"
    CLOUD = "cloud"

    def get_runtime(self) -> type[Runtime]:
        """The runtime of that kind. Errors: `NotCovered` for the cloud."""
        if self is RuntimeType.CLOUD:
            raise NotCovered("RuntimeType.CLOUD", "Apps run on this machine. ")
        return MultiProcessRuntime


def dispatch(
    entrypoint_file: str | os.PathLike[str],
    runtime_type: RuntimeType | str = RuntimeType.MULTIPROCESS,
    start_server: bool = True,
    *,
    host: str = "127.0.0.1",
    port: int = 7501,
    env_vars: dict[str, str] | None = None,
    run_app_comment_commands: bool = False,
    **options: Any,
) -> None:
    """Run the app of a file; `run_app_comment_commands`: the commands of its first comments before. `options` are those
    of `MultiProcessRuntime.dispatch`; the names of things for the cloud among them mean nothing.

    Errors: those of `load_app_from_file` and `MultiProcessRuntime.dispatch`; `NotCovered` for the cloud.
    """
    kind = RuntimeType(runtime_type).get_runtime()
    if run_app_comment_commands:
        run_app_commands(os.fspath(entrypoint_file))
    app = load_app_from_file(entrypoint_file, env_vars=env_vars)
    runtime = kind(app, entrypoint_file, start_server, host, port, env_vars=env_vars or {})
    runtime.dispatch(**options)
