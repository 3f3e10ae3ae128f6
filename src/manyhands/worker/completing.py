"""Running a coroutine to its end in a worker that has no event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any


def complete(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns, or raises; each has an event loop of its own.

    Where this thread runs a loop already, as a notebook's does, that one cannot be entered again, so the coroutine
    runs in a thread beside it, with the same context.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # left before the coroutine runs, lest this show as the context of what that raises
    else:
        return _beside(coroutine)
    return asyncio.run(coroutine)


def _beside(coroutine: Coroutine[Any, Any, Any]) -> Any:
    returned: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            raised.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), name="manyhands-coroutine", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return returned[0]
