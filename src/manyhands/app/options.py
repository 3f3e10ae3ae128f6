"""The options of a work, checked when it is made."""

from __future__ import annotations

import math
from typing import Any

from manyhands.model.errors import OptionError

PORTS = range(1 << 16)


def check_options(*, timeout: Any, retries: Any, retry_delay: Any, port: Any) -> None:
    """Errors: `OptionError`, naming the option and what it may be."""
    if timeout is not None and not (_is_number(timeout) and 0 < timeout < math.inf):
        raise OptionError(f"timeout must be a number of seconds above 0, not {timeout!r}.")
    if not _is_number(retry_delay) or not 0 <= retry_delay < math.inf:
        raise OptionError(f"retry_delay must be a number of seconds of at least 0, not {retry_delay!r}.")
    if not _is_whole(retries) or retries < 0:
        raise OptionError(f"retries must be a whole number of at least 0, not {retries!r}.")
    if port is not None and not (_is_whole(port) and port in PORTS):
        raise OptionError(f"port must be None or a whole number from 0 to {PORTS[-1]}, not {port!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
