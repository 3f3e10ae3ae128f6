"""Waiting for several references at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from manyhands.engine.handle import Looks, Reference
from manyhands.engine.running import at_rest
from manyhands.engine.service import NUDGE
from manyhands.model.errors import OptionError


def get(references: Reference | Iterable[Reference], *, timeout: float | None = None) -> Any:
    """The value of a reference, or the values of several in their order.

    Waits at most `timeout` seconds in all. Errors: as `Reference.result`, of the first that has none; `OptionError`.
    """
    if isinstance(references, Reference):
        return references.result(timeout)
    deadline = None if timeout is None else time.monotonic() + timeout
    return [
        reference.result(None if deadline is None else max(0.0, deadline - time.monotonic()))
        for reference in _checked(references)
    ]


def _checked(references: object) -> list[Reference]:
    found: list[Reference] = []
    for each in references if isinstance(references, Iterable) else [references]:
        if not isinstance(each, Reference):
            raise OptionError(
                f"{each!r:.100} is nothing to wait for here: give what `.run_async()` and `get_output` give, one or a "
                "list of them. What `workflow.wait` leaves over is for a step, or for `workflow.wait` again."
            )
        found.append(each)
    return found


def wait(
    references: Sequence[Reference], *, num_returns: int = 1, timeout: float | None = None
) -> tuple[list[Reference], list[Reference]]:
    """Those references that are done, at most `num_returns`, and the others, both in the order given.

    Waits until so many are done, at most `timeout` seconds. One that has failed is done. Errors: `OptionError`.
    """
    wanted = _checked(references)
    if not 1 <= num_returns <= len(wanted):
        raise OptionError(f"num_returns must be a number from 1 to {len(wanted)}, not {num_returns!r}.")
    deadline = None if timeout is None else time.monotonic() + timeout
    done: set[int] = set()
    engine = wanted[0].engine
    looks = Looks(engine.store)

    def enough() -> bool:
        anew = looks.due()
        for place, reference in enumerate(wanted):
            if place not in done and (anew or not reference.in_store) and reference.done():
                done.add(place)
        return len(done) >= num_returns

    if not enough():
        with at_rest():
            engine.run_until(enough, deadline=deadline, nudge=NUDGE)
    first = sorted(done)[:num_returns]
    return [wanted[place] for place in first], [one for place, one in enumerate(wanted) if place not in first]
