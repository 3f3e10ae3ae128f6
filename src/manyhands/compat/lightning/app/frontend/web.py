"""The name of `lightning.app.frontend.web`."""

from manyhands.app.frontend import StaticWebFrontend

__all__ = ["StaticWebFrontend"]
