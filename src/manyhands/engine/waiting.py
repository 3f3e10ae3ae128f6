"""Waiting for several references at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from manyhands.engine.handle import Reference


def get(references: Reference | Sequence[Reference], *, timeout: float | None = None) -> Any:
    """The value of a reference, or the values of several in their order.

    Waits at most `timeout` seconds in all. Errors: as `Reference.result`, of the first that has none.
    """
    if isinstance(references, Reference):
        return references.result(timeout)
    deadline = None if timeout is None else time.monotonic() + timeout
    return [
        reference.result(None if deadline is None else max(0.0, deadline - time.monotonic()))
        for reference in references
    ]
