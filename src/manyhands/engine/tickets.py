"""Tickets: calls handed to a run that this process drives, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from manyhands.model.specs import TaskSpec
from manyhands.model.values import Encoded


class Ticket:
    """One call. The thread that drives sets its fields, the one that called reads them.

    `entered`: the call is committed, as task `ordinal`. `refused`: the run was given up or over before that; the call
    may be tried elsewhere, unless `error` says that it is of no use. `done`: nothing more will come of it here;
    `value` is its result, None where that is to be read from the store (as is every failure). `told`: called by the
    thread that drives once `done` is set.
    """

    __slots__ = ("done", "entered", "error", "ordinal", "refused", "specs", "told", "value")

    def __init__(self, specs: Sequence[TaskSpec], told: Callable[[], None] | None = None) -> None:
        self.specs = specs
        self.told = told
        self.ordinal: int | None = None
        self.entered = False
        self.refused = False
        self.done = False
        self.error: BaseException | None = None
        self.value: Encoded | None = None

    def leave(self, error: BaseException | None = None) -> None:
        """The run is not driven here any more. `error`: why it was given up."""
        if not self.entered:
            self.refused = True
            self.error = error
        self._end()

    def answer(self, value: Encoded | None) -> None:
        """The call is over, and that is committed."""
        self.value = value
        self._end()

    def _end(self) -> None:
        self.done = True
        if self.told is not None:
            self.told()


class Tickets:
    """The tickets of one drive."""

    __slots__ = ("_answered", "_entering", "_open")

    def __init__(self) -> None:
        self._open: dict[int, Ticket] = {}
        self._entering: list[Ticket] = []
        self._answered: list[tuple[Ticket, Encoded | None]] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def __contains__(self, task: int) -> bool:
        """Whether somebody waits for the task."""
        return task in self._open

    def add(self, task: int, ticket: Ticket) -> None:
        """The call has become this task, in changes that are to be committed."""
        self._open[task] = ticket
        self._entering.append(ticket)

    def answer(self, task: int, value: Encoded | None) -> None:
        """The task is over, in changes that are to be committed."""
        ticket = self._open.pop(task, None)
        if ticket is not None:
            self._answered.append((ticket, value))

    def committed(self) -> None:
        """The changes so far are committed: tell those who wait."""
        for ticket in self._entering:
            ticket.entered = True
        self._entering.clear()
        for ticket, value in self._answered:
            ticket.answer(value)
        self._answered.clear()

    def leave(self, error: BaseException | None) -> None:
        """The drive is over or given up; what was answered last may not be committed, the store knows."""
        for ticket, _ in self._answered:
            ticket.leave(error)
        for ticket in self._open.values():
            ticket.leave(error)
        self._open.clear()
