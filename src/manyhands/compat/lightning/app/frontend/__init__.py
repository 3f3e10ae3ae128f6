"""The names of `lightning.app.frontend`."""

from manyhands.app.frontend import Frontend, StaticWebFrontend
from manyhands.compat.lightning.app.frontend.absent import (
    AppStateWatcher,
    JustPyFrontend,
    PanelFrontend,
    StreamlitFrontend,
)

__all__ = [
    "AppStateWatcher",
    "Frontend",
    "JustPyFrontend",
    "PanelFrontend",
    "StaticWebFrontend",
    "StreamlitFrontend",
]
