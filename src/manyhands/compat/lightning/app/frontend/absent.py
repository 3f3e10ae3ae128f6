"""Pages of other libraries, which are not served here."""

from __future__ import annotations

from manyhands.compat.absent import Absent

FROM_A_WORK = (
    "Let a work serve that page at its `host` and `port` and set its `url`, or write a `Frontend` of your own."
)


class StreamlitFrontend(Absent):
    """A page written with Streamlit."""

    NAME = "lightning.app.frontend.StreamlitFrontend"
    INSTEAD = FROM_A_WORK


class PanelFrontend(Absent):
    """A page written with Panel."""

    NAME = "lightning.app.frontend.PanelFrontend"
    INSTEAD = FROM_A_WORK


class JustPyFrontend(Absent):
    """A page written with JustPy."""

    NAME = "lightning.app.frontend.JustPyFrontend"
    INSTEAD = FROM_A_WORK


class AppStateWatcher(Absent):
    """An app's state as a Panel page saw it."""

    NAME = "lightning.app.frontend.AppStateWatcher"
    INSTEAD = "Ask a running app's page for `/api/v1/state`, which is plain JSON."
