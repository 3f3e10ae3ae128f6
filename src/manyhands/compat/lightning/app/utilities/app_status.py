"""The names of `lightning.app.utilities.app_status`."""

from manyhands.app.rooted import AppStatus
from manyhands.app.status import WorkStatus

__all__ = ["AppStatus", "WorkStatus"]
