"""Tickets: what a caller is told, and when."""

import pytest

from manyhands.engine.tickets import Ticket, Tickets
from manyhands.model.errors import LeaseLost
from manyhands.model.values import Encoded

SEVEN = Encoded("msgpack", b"\x07", None, 1)


def told(ticket: Ticket) -> tuple[bool, bool, bool, Encoded | None]:
    return ticket.entered, ticket.refused, ticket.done, ticket.value


@pytest.fixture
def tickets() -> Tickets:
    return Tickets()


def test_a_call_is_told_only_what_is_committed(tickets: Tickets) -> None:
    ticket = Ticket([])
    assert not tickets
    tickets.add(3, ticket)
    assert tickets
    assert told(ticket) == (False, False, False, None)
    tickets.committed()
    assert told(ticket) == (True, False, False, None)
    tickets.answer(3, SEVEN)
    assert told(ticket) == (True, False, False, None)
    assert not tickets
    tickets.committed()
    assert told(ticket) == (True, False, True, SEVEN)


def test_a_call_that_is_entered_and_answered_in_one_commit(tickets: Tickets) -> None:
    ticket = Ticket([])
    tickets.add(0, ticket)
    tickets.answer(0, SEVEN)
    tickets.committed()
    assert told(ticket) == (True, False, True, SEVEN)


def test_a_failure_is_to_be_read_from_the_store(tickets: Tickets) -> None:
    ticket = Ticket([])
    tickets.add(0, ticket)
    tickets.answer(0, None)
    tickets.committed()
    assert told(ticket) == (True, False, True, None)


def test_only_the_task_of_the_call_answers_it(tickets: Tickets) -> None:
    first, second = Ticket([]), Ticket([])
    tickets.add(0, first)
    tickets.add(1, second)
    for task in (2, 1, 1):
        tickets.answer(task, SEVEN)
    tickets.committed()
    assert (first.done, second.done) == (False, True)


def test_a_drive_that_ends_leaves_nobody_waiting(tickets: Tickets) -> None:
    """What was not committed is refused, so that it is tried elsewhere; what was is to be read from the store."""
    committed, answered, new, both = (Ticket([]) for _ in range(4))
    tickets.add(0, committed)
    tickets.add(1, answered)
    tickets.committed()
    tickets.add(2, new)
    tickets.add(3, both)
    tickets.answer(1, SEVEN)
    tickets.answer(3, SEVEN)
    error = LeaseLost(1, 1)
    tickets.leave(error)
    assert told(committed) == told(answered) == (True, False, True, None)
    assert told(new) == told(both) == (False, True, True, None)
    assert (new.error, committed.error) == (error, None)
    assert not tickets
