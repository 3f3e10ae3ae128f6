"""Work that blocks, beside an event loop: in a thread of its own, awaited there."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any


async def in_thread(work: Callable[[Callable[[], None]], Any], name: str) -> Any:
    """What the work returns, or raises. The thread is its own: those of a pool would soon all be taken by what waits,
    and be waited for when the process ends. What the work is given it calls now and then while it waits: that ends it
    when nobody awaits it any more."""
    asyncio = importlib.import_module("asyncio")
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def go_on() -> None:
        if future.cancelled():
            raise asyncio.CancelledError

    def settle(returned: Any, error: BaseException | None) -> None:
        if not future.done():  # else it was canceled
            future.set_result((returned, error))

    def run() -> None:
        returned, error = None, None
        try:
            returned = work(go_on)
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        try:
            loop.call_soon_threadsafe(settle, returned, error)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    threading.Thread(target=copy_context().run, args=(run,), name=f"manyhands-{name}", daemon=True).start()
    returned, error = await future
    if error is not None:
        raise error
    return returned
