"""The names of `lightning.app.runners`."""

from __future__ import annotations

from manyhands.compat.absent import Absent
from manyhands.compat.lightning.app.runners.multiprocess import MultiProcessRuntime
from manyhands.compat.lightning.app.runners.runtime import Runtime
from manyhands.compat.lightning.app.runners.runtime_type import RuntimeType, dispatch
from manyhands.compat.lightning.app.utilities.app_commands import run_app_commands
from manyhands.compat.lightning.app.utilities.load_app import load_app_from_file

__all__ = [
    "CloudRuntime",
    "MultiProcessRuntime",
    "Runtime",
    "RuntimeType",
    "dispatch",
    "load_app_from_file",
    "run_app_commands",
]


class CloudRuntime(Absent):
    """What ran an app on rented machines."""

    NAME = "lightning.app.runners.CloudRuntime"
    INSTEAD = "`MultiProcessRuntime(app).dispatch()` runs it on this machine."
