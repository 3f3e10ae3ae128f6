"""The name of `lightning.app.frontend.frontend`."""

from manyhands.app.frontend import Frontend

__all__ = ["Frontend"]
