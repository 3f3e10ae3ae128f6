"""Whether and when a failed attempt is followed by another, with a budget for each cause."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from manyhands.model.errors import OptionError
from manyhands.model.specs import DEFAULT_ATTEMPTS
from manyhands.model.states import Cause

UNBOUNDED = -1
"""As a number of attempts: no bound."""

LONGEST_DELAY = 366 * 86_400.0
"""Seconds; no delay is longer, so that a due time always is a date."""

SCALED = frozenset({Cause.MEMORY, Cause.TIMEOUT})
"""Causes after which the next attempt asks for more."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a task is tried and how long it rests between.

    Attempts are counted in total, the first included, and for each cause apart: `attempts` for errors of the user's
    code, `lost_attempts` for lost workers or drivers, `memory_attempts` and `timeout_attempts` (None: as `attempts`).
    `infinite`: errors of the user's code are retried for ever, and the others may be -1, no bound.
    The n-th failure of a cause is followed by a rest of `delay * backoff ** (n - 1)` seconds, at most `max_delay`;
    `jitter` takes away up to that fraction of it by chance, so that tasks that failed together do not return together.
    """

    attempts: int = DEFAULT_ATTEMPTS
    lost_attempts: int = 3
    memory_attempts: int | None = None
    timeout_attempts: int | None = None
    infinite: bool = False
    delay: float = 0.0
    backoff: float = 2.0
    max_delay: float = 3600.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("attempts", "lost_attempts", "memory_attempts", "timeout_attempts"):
            self._check_attempts(name, getattr(self, name))
        for name, least, most in (
            ("delay", 0.0, math.inf),
            ("backoff", 1.0, math.inf),
            ("max_delay", 0.0, math.inf),
            ("jitter", 0.0, 1.0),
        ):
            _check_number(name, getattr(self, name), least, most)

    def _check_attempts(self, name: str, value: object) -> None:
        if value is None and name in ("memory_attempts", "timeout_attempts"):
            return
        if not isinstance(value, int) or isinstance(value, bool):
            raise OptionError(f"{name} is {value!r}, not a whole number. Give the attempts in total, 1 or more.")
        if value == UNBOUNDED and not self.infinite:
            raise OptionError(f"{name}=-1 retries for ever. If that is meant, say so with `infinite=True` as well.")
        if value < 1 and value != UNBOUNDED:
            raise OptionError(f"{name} is {value}. It counts the first attempt too: give 1 for no retry, 2 for one.")

    def budget(self, cause: Cause) -> int | None:
        """Attempts in total that may end by `cause`; None is no bound. A canceled task is not tried again."""
        if cause is Cause.CANCELED:
            return 1
        if cause is Cause.LOST:
            limit: int | None = self.lost_attempts
        elif cause is Cause.MEMORY:
            limit = self.memory_attempts
        elif cause is Cause.TIMEOUT:
            limit = self.timeout_attempts
        else:
            limit = None
        if limit is None:
            limit = UNBOUNDED if self.infinite else self.attempts
        return None if limit == UNBOUNDED else limit

    def rest(self, failures: int) -> float:
        """Seconds between the `failures`-th failure and the next attempt, before chance takes its part."""
        longest = min(self.max_delay, LONGEST_DELAY)
        if self.delay == 0 or self.backoff == 1 or failures <= 1:
            return min(self.delay, longest)
        try:
            return min(self.delay * self.backoff ** (failures - 1), longest)
        except OverflowError:
            return longest


class Retry(msgspec.Struct, frozen=True, tag="retry"):
    """Try again `after` seconds; `scale`: ask for more of the resource that ran out."""

    after: float
    scale: bool = False


class GiveUp(msgspec.Struct, frozen=True, tag="give_up"):
    """The task has failed for good; `reason` says why in words."""

    reason: str


Decision = Retry | GiveUp


def decide(
    policy: RetryPolicy, counts: Mapping[Cause, int], cause: Cause, retryable: bool = True, chance: float = 0.0
) -> Decision:
    """What follows an attempt that ended by `cause`.

    `counts`: attempts of the task that ended by each cause, this one included. `retryable`: False when the user's
    predicate on the exception said that trying again is of no use. `chance`: a random number from 0 up to 1, which
    decides within the jitter; the same arguments give the same answer.
    """
    if cause is Cause.CANCELED:
        return GiveUp("canceled")
    if not retryable:
        return GiveUp("the error is not one to retry")
    failures = max(counts.get(cause, 0), 1)
    budget = policy.budget(cause)
    if budget is not None and failures >= budget:
        return GiveUp(f"{failures} of {budget} attempts ended by {cause.value}")
    return Retry(policy.rest(failures) * (1.0 - policy.jitter * chance), cause in SCALED)


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise OptionError(f"{name} is {value!r}, not a number. Give {_range(least, most)}.")
    if not least <= value <= most or (name == "backoff" and math.isinf(value)):
        raise OptionError(f"{name} is {value!r}. Give {_range(least, most)}.")


def _range(least: float, most: float) -> str:
    return f"{least:g} or more" if math.isinf(most) else f"a number from {least:g} to {most:g}"
