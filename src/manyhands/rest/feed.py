"""News of an app's changes for any number of listeners in one event loop, never more often than they can follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from manyhands.rest.view import AppView

PAUSE = 0.1
"""Seconds between two pieces of news at least; all changes in between are one."""


LAST_TURNS, LAST_PAUSE = 20, 0.01
"""Turns of the event loop, and seconds for each, in which the last news goes out to those who are connected."""


class Feed:
    """Listens to the app only while somebody listens here. All but `_ring` is called in the event loop."""

    def __init__(self, view: AppView, pause: float = PAUSE) -> None:
        self._view = view
        self._pause = pause
        self._version = 0
        self._finished = False
        self._listeners: set[asyncio.Event] = set()
        self._gone = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resting = False
        self._changed = False

    @property
    def version(self) -> int:
        """Grows with each piece of news; what was read at the same version need not be read again."""
        return self._version

    async def changes(self) -> AsyncGenerator[int]:
        """The version now, and each later one; those that pass while the caller is busy are skipped. The last one comes
        when the server ends."""
        event = asyncio.Event()
        event.set()
        self._join(event)
        try:
            while True:
                await event.wait()
                event.clear()
                finished = self._finished
                yield self._version
                if finished:
                    return
        finally:
            self._leave(event)

    async def finish(self) -> None:
        """Give the last news, and wait until every listener has taken it and could pass it on."""
        self._finished = True
        self._spread()
        if self._listeners:
            self._gone.clear()
            await self._gone.wait()
            # What they have made of it goes through queues to its readers. Turns of the loop are counted, not time: a
            # busy machine may let the time pass within one turn.
            for _ in range(LAST_TURNS):
                await asyncio.sleep(LAST_PAUSE)

    def _join(self, event: asyncio.Event) -> None:
        self._listeners.add(event)
        if self._unsubscribe is None:
            self._loop = asyncio.get_running_loop()
            self._version += 1
            self._unsubscribe = self._view.subscribe(self._ring)

    def _leave(self, event: asyncio.Event) -> None:
        self._listeners.discard(event)
        if not self._listeners:
            self._gone.set()
            if self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None

    def _ring(self) -> None:
        # Sets before it looks, while `_rest_over` looks after it has set: one of the two sees the other's mark.
        self._changed = True
        if not self._resting and self._loop is not None:
            self._resting = True
            try:
                self._loop.call_soon_threadsafe(self._spread_and_rest)
            except RuntimeError:
                pass  # the loop has ended, and so has everybody who listened

    def _spread_and_rest(self) -> None:
        self._resting = True
        self._changed = False
        self._spread()
        asyncio.get_running_loop().call_later(self._pause, self._rest_over)

    def _rest_over(self) -> None:
        self._resting = False
        if self._changed:
            self._spread_and_rest()

    def _spread(self) -> None:
        self._version += 1
        for event in self._listeners:
            event.set()
