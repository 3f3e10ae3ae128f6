"""The names of `lightning.app.utilities.state`."""

from __future__ import annotations

from manyhands.compat.absent import Absent


class AppState(Absent):
    """An app's state as the page of another process saw it."""

    NAME = "lightning.app.utilities.state.AppState"
    INSTEAD = "Ask a running app's page for `/api/v1/state`, which is plain JSON."
