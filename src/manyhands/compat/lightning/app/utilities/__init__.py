"""The names of `lightning.app.utilities` that programs use."""

from manyhands.compat.lightning.app.utilities import app_status, enum, exceptions, packaging, state

__all__ = ["app_status", "enum", "exceptions", "packaging", "state"]
