"""The name of `lightning.app.frontend.stream_lit`."""

from manyhands.compat.lightning.app.frontend.absent import StreamlitFrontend

__all__ = ["StreamlitFrontend"]
