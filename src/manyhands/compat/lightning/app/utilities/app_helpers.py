"""The name of `lightning.app.utilities.app_helpers` that programs use."""

from __future__ import annotations

import logging
from typing import Any


class Logger(logging.LoggerAdapter[logging.Logger]):
    """The logger of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name), {})

    def warn(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """The old name of `warning`."""
        self.warning(msg, *args, **kwargs)
