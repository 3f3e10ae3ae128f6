"""The name of a flow."""

from __future__ import annotations

import warnings
from typing import NoReturn

from manyhands.app.flow import Flow
from manyhands.compat.lightning.app.core.ignored import Ignoring


class LightningFlow(Ignoring, Flow):
    """A `Flow`."""

    def _exit(self, end_msg: str = "") -> NoReturn:
        """The old name of `stop`."""
        warnings.warn("`_exit` is deprecated; use `stop` instead.", DeprecationWarning, stacklevel=2)
        self.stop(end_msg)
