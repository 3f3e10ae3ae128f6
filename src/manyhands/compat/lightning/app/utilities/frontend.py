"""The name of `lightning.app.utilities.frontend`."""

from manyhands.app.frontend import AppInfo

__all__ = ["AppInfo"]
