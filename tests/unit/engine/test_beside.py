"""Work beside an event loop: what it gives, and what becomes of it when nobody awaits it any more."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from manyhands.engine.beside import in_thread

PATIENCE = 30.0


def test_what_it_returns_or_raises() -> None:
    def fail(_go_on: Callable[[], None]) -> None:
        raise ValueError("failed")

    assert asyncio.run(in_thread(lambda go_on: go_on(), "test")) is None
    assert asyncio.run(in_thread(lambda _: threading.current_thread().name, "test")) == "manyhands-test"
    with pytest.raises(ValueError, match="failed"):
        asyncio.run(in_thread(fail, "test"))


def test_work_that_nobody_awaits_ends_where_it_asks() -> None:
    """Its thread would else stay for as long as what it waits for takes."""
    begun, asked, canceled = threading.Event(), threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work(go_on: Callable[[], None]) -> Any:
        threads.append(threading.current_thread())
        go_on()
        begun.set()
        assert canceled.wait(PATIENCE)
        go_on()
        asked.set()

    async def main() -> None:
        task = asyncio.ensure_future(in_thread(work, "test"))
        await asyncio.to_thread(begun.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        canceled.set()

    asyncio.run(main())
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()
    assert not asked.is_set()
