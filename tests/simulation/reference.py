"""The end that a run must come to, worked out task by task from its fate, without time, order or machine."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from manyhands.model.outcomes import Failure, Forward, Returned, Value
from manyhands.model.records import RunMove, TaskRecord
from manyhands.model.states import TASK_TERMINAL, Cause, RunStatus, TaskStatus
from tests.simulation.fate import Fate, Plan
from tests.simulation.ledger import expect

SUCCEEDED, FAILED, STOPPED, PENDING = TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.STOPPED, TaskStatus.PENDING


@dataclass
class Reference:
    """Evaluates a fate. `cut` tells it what a crash changes: attempts that were lost, budgets that began anew."""

    fate: Fate
    disturbed: bool = False
    lost: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    renewed: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    found: dict[int, TaskStatus] = field(default_factory=dict)

    def cut(self, records: Sequence[TaskRecord], plans: Sequence[Plan]) -> None:
        """A driver died, or a run was taken up again, with these tasks in the store."""
        for record, plan in zip(records, plans, strict=True):
            if record.status is TaskStatus.RUNNING and record.forward_to is None:
                self.lost[plan.key].add(record.attempt)
            if record.status in (FAILED, STOPPED):
                # It is tried again, with other luck; what was caught because of it stays caught.
                self.disturbed = True
            self.renewed[plan.key].add(record.attempt)

    def compare(self, end: RunMove, plans: Sequence[Plan], records: Sequence[TaskRecord], *, partial: bool) -> None:
        """`partial`: the run was closed early, so only what did come to an end is compared."""
        if self.disturbed:
            return
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10_000)
        try:
            first = [self._status(plan, False, self.fate.first) for plan in self.fate.first]
            for plan in self.fate.extras:
                self._status(plan, False, [])
        finally:
            sys.setrecursionlimit(limit)
        for record, plan in zip(records, plans, strict=True):
            if not partial or record.status in TASK_TERMINAL:
                expected = self.found.get(plan.key)
                expect(record.status is expected, "the reference says", expected, "the machine", record)
        if self.fate.entry is not None:
            good = first[self.fate.entry] is SUCCEEDED
            expect((end.to is RunStatus.SUCCEEDED) is good, "the reference says that the run's success is", good, end)

    def _status(self, plan: Plan, inherited: bool, batch: Sequence[Plan]) -> TaskStatus:
        known = self.found.get(plan.key)
        if known is None:
            known = self.found[plan.key] = self._evaluate(plan, inherited, batch)
        return known

    def _evaluate(self, plan: Plan, inherited: bool, batch: Sequence[Plan]) -> TaskStatus:
        above = [self._status(batch[place], False, batch) for place in plan.inside]
        above += [self._status(self.fate.first[place], False, self.fate.first) for place in plan.outside]
        if any(status is not SUCCEEDED for status in above):
            return SUCCEEDED if inherited else PENDING
        if self.fate.is_cached(plan):
            return SUCCEEDED
        return self._attempts(plan, inherited or plan.options.catch)

    def _attempts(self, plan: Plan, catches: bool) -> TaskStatus:
        counts: dict[Cause, int] = {}
        attempt = 0
        while True:
            attempt += 1
            if attempt - 1 in self.renewed[plan.key]:
                counts = {}
            if attempt in self.lost[plan.key]:
                continue
            outcome = self.fate.outcome(plan, attempt)
            if isinstance(outcome, Returned):
                continue
            if isinstance(outcome, Value):
                return SUCCEEDED
            if isinstance(outcome, Forward):
                return self._forwarded(plan, attempt, catches)
            if not self._tries_again(plan, outcome, counts):
                if outcome.cause is Cause.CANCELED:
                    return STOPPED
                return SUCCEEDED if catches else FAILED

    def _tries_again(self, plan: Plan, failure: Failure, counts: dict[Cause, int]) -> bool:
        counts[failure.cause] = counts.get(failure.cause, 0) + 1
        if failure.cause is Cause.CANCELED or not failure.retryable:
            return False
        budget = plan.options.lost_attempts if failure.cause is Cause.LOST else plan.options.attempts
        return budget == -1 or counts[failure.cause] < budget

    def _forwarded(self, plan: Plan, attempt: int, catches: bool) -> TaskStatus:
        plans, output = self.fate.forwarded(plan, attempt)
        child = self._status(plans[output], catches, plans)
        for other in plans:
            self._status(other, False, plans)
        return SUCCEEDED if child is SUCCEEDED else FAILED
