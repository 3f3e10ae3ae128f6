"""The names of `lightning.app.frontend.panel`."""

from manyhands.compat.lightning.app.frontend.absent import AppStateWatcher, PanelFrontend

__all__ = ["AppStateWatcher", "PanelFrontend"]
