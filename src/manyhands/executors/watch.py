"""One descriptor that stands for many: the epoll set of Linux, or what the platform has in its place."""

from __future__ import annotations

import os
import select
import selectors
import sys
from collections.abc import Callable

READ, WRITE = 1, 4

Action = Callable[[int], None]
"""Called with `READ`, `WRITE` or both; an error or a hang-up counts as `READ`."""

if sys.platform == "linux":

    class _Set:
        def __init__(self) -> None:
            self._epoll = select.epoll()
            self.fileno = self._epoll.fileno
            self.close = self._epoll.close
            self.remove = self._epoll.unregister

        def add(self, descriptor: int) -> None:
            self._epoll.register(descriptor, select.EPOLLIN)

        def change(self, descriptor: int, events: int) -> None:
            self._epoll.modify(descriptor, select.EPOLLIN if events == READ else select.EPOLLIN | select.EPOLLOUT)

        def ready(self) -> list[tuple[int, int]]:
            return self._epoll.poll(0)

else:

    class _Set:
        def __init__(self) -> None:
            self._selector = selectors.DefaultSelector()
            self.close = self._selector.close
            self.remove = self._selector.unregister

        def fileno(self) -> int:
            return self._selector.fileno()  # type: ignore[attr-defined, no-any-return, unused-ignore]

        def add(self, descriptor: int) -> None:
            self._selector.register(descriptor, selectors.EVENT_READ)

        def change(self, descriptor: int, events: int) -> None:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(descriptor, selectors.EVENT_READ if events == READ else both)

        def ready(self) -> list[tuple[int, int]]:
            masks = {selectors.EVENT_READ: READ, selectors.EVENT_WRITE: WRITE}
            return [(key.fd, masks.get(mask, READ | WRITE)) for key, mask in self._selector.select(0)]


class Watch:
    """Descriptors, each with what is to be done when something happens there. `wake` makes it readable from within."""

    def __init__(self) -> None:
        self._set = _Set()
        self._actions: dict[int, Action] = {}
        self._bell, self._bell_rope = os.pipe()
        self._rung = False
        self._set.add(self._bell)
        self.fileno = self._set.fileno

    def add(self, descriptor: int, action: Action) -> None:
        self._actions[descriptor] = action
        self._set.add(descriptor)

    def remove(self, descriptor: int) -> None:
        if self._actions.pop(descriptor, None) is not None:
            self._set.remove(descriptor)

    def writable(self, descriptor: int, wanted: bool) -> None:
        """Whether the action is to be called when the descriptor can be written, too."""
        if descriptor in self._actions:
            self._set.change(descriptor, READ | WRITE if wanted else READ)

    def wake(self) -> None:
        if not self._rung:
            self._rung = True
            os.write(self._bell_rope, b"!")

    def act(self) -> None:
        """Do whatever is due, without waiting."""
        if self._rung:
            self._rung = False
            os.read(self._bell, 1)
        for descriptor, events in self._set.ready():
            action = self._actions.get(descriptor)
            if action is not None:
                action(WRITE if events == WRITE else READ | (events & WRITE))

    def close(self) -> None:
        self._set.close()
        os.close(self._bell)
        os.close(self._bell_rope)
