"""What tasks with the same options have in common, kept once for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from manyhands.machine.graph import Lane, ReadySet
from manyhands.machine.retry import UNBOUNDED, Retry, RetryPolicy, decide
from manyhands.model.outcomes import Failure
from manyhands.model.specs import TaskOptions
from manyhands.model.states import Cause

MANY_ATTEMPTS = 1 << 30
"""Stands for no bound where only errors may have none by the policy's own rules."""


class Profile:
    """The options of some tasks, in the form in which the machine uses them."""

    __slots__ = ("_options", "_policy", "catch", "lane")

    def __init__(self, options: TaskOptions, lane: Lane) -> None:
        self.catch = options.catch
        self.lane = lane
        self._options = options
        self._policy: RetryPolicy | None = None

    @property
    def policy(self) -> RetryPolicy:
        """Made when it is first asked for: most tasks never fail."""
        if self._policy is None:
            options = self._options
            lost = options.lost_attempts
            self._policy = RetryPolicy(
                attempts=options.attempts,
                lost_attempts=MANY_ATTEMPTS if lost == UNBOUNDED else lost,
                infinite=options.attempts == UNBOUNDED,
                delay=options.delay,
                backoff=options.backoff,
                max_delay=options.max_delay,
                jitter=options.jitter,
            )
        return self._policy


class Profiles:
    """The profile of each task, by ordinal, and the failures that count towards its budgets."""

    __slots__ = ("_known", "_ready", "_spent", "of")

    def __init__(self, ready: ReadySet) -> None:
        self.of: list[Profile] = []
        self._ready = ready
        self._known: dict[tuple[object, ...], Profile] = {}
        self._spent: dict[int, dict[Cause, int]] = {}

    def extend(self, options: Iterable[TaskOptions]) -> None:
        """Tasks with these options come next."""
        last: TaskOptions | None = None
        add = self.of.append
        for each in options:
            if each is not last:
                last = each
                profile = self._profile(each)
            add(profile)

    def delay(self, task: int, failure: Failure, chance: float) -> float | None:
        """Count the failure; seconds until the task is to be tried again, None when it has failed for good."""
        counts = self._spent.get(task)
        if counts is None:
            counts = self._spent[task] = {}
        counts[failure.cause] = counts.get(failure.cause, 0) + 1
        decision = decide(self.of[task].policy, counts, failure.cause, failure.retryable, chance)
        return decision.after if isinstance(decision, Retry) else None

    def forget(self, task: int) -> None:
        """The task is not tried again."""
        if self._spent:
            self._spent.pop(task, None)

    def _profile(self, options: TaskOptions) -> Profile:
        # The lane is part of what is compared: it stands for executor, group and slots.
        lane = self._ready.lane(options.executor, options.group, options.slots)
        key = (
            lane,
            options.catch,
            options.attempts,
            options.lost_attempts,
            options.delay,
            options.backoff,
            options.max_delay,
            options.jitter,
        )
        profile = self._known.get(key)
        if profile is None:
            profile = self._known[key] = Profile(options, lane)
        return profile
