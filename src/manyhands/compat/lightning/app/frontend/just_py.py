"""The name of `lightning.app.frontend.just_py`."""

from manyhands.compat.lightning.app.frontend.absent import JustPyFrontend

__all__ = ["JustPyFrontend"]
