"""A seeded random world around one machine: workers, crashes, late and doubled reports, a jumping clock.

`python -m tests.simulation.world SEED` runs the world of that seed again.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from manyhands.machine.invariants import validate
from manyhands.machine.replay import replay
from manyhands.machine.run import RunMachine
from manyhands.model.outcomes import Forward, Outcome, Returned
from manyhands.model.records import NewTask, RunMove, TaskMove
from manyhands.model.specs import TaskSpec
from manyhands.model.states import Reason, RunStatus
from manyhands.model.values import Encoded
from tests.simulation.fate import Fate, Plan, mix
from tests.simulation.journal import Journal
from tests.simulation.ledger import Ledger, Violation, expect
from tests.simulation.reference import Reference

NOTHING = Encoded("json")
PATIENCE = 20_000
"""Steps after which a world that has not come to its end is taken to be stuck."""


@dataclass(frozen=True)
class Flight:
    """An attempt on some worker; it holds slots of its executor as long as the driver that launched it lives."""

    task: int
    attempt: int
    executor: str
    slots: int
    outcome: Outcome
    key: int


@dataclass
class Unrest:
    """How much goes wrong around the machine."""

    crash: float
    doubled: float
    late: float
    stop: float
    limits: float
    resumes: int
    lazy_commit: float

    @classmethod
    def draw(cls, rng: random.Random) -> Unrest:
        return cls(
            crash=rng.choice((0.0, 0.0, 0.01, 0.05)),
            doubled=rng.choice((0.0, 0.05)),
            late=rng.choice((0.0, 0.05)),
            stop=rng.choice((0.0, 0.0, 0.0, 0.01)),
            limits=rng.choice((0.0, 0.0, 0.02)),
            resumes=rng.choice((0, 0, 1, 2)),
            lazy_commit=rng.choice((0.0, 0.5)),
        )


@dataclass
class Sheet:
    """What is decided, but not yet committed."""

    tasks: list[NewTask] = field(default_factory=list)
    moves: list[TaskMove] = field(default_factory=list)
    starts: list[Flight] = field(default_factory=list)


class World:
    """Drives one machine to the end of its run, holding everything it says against the ledger."""

    def __init__(self, seed: int, make: Callable[..., RunMachine] = RunMachine, checked: bool = True) -> None:
        self.seed = seed
        self.make = make
        self.checked = checked
        self.rng = random.Random(mix(seed, 10))
        self.fate = Fate(seed)
        self.unrest = Unrest.draw(self.rng)
        self.now = 1000.0
        self.events = 0
        """Calls of the machine that may change it: one each for an offer, a report, an addition, a restore, …"""
        self.seen: Counter[str] = Counter()
        self.journal = Journal(keep_events=seed % 4 == 0)
        self.plans: list[Plan] = []
        self.sheet = Sheet()
        self.flying: list[Flight] = []
        self.ghosts: list[Flight] = []
        self.landed: list[Flight] = []
        self.used = dict.fromkeys(self.fate.executors, 0)
        self.reference = Reference(self.fate)
        self.to_add = list(self.fate.extras)
        self.limit = self.fate.limit
        self.group_limits = dict(self.fate.group_limits)
        self._new_session()
        self._add(self.fate.first, None)
        self._commit()

    # --- one session -----------------------------------------------------------------------------------------------

    def _new_session(self) -> None:
        limits = {"limit": self.limit, "group_limits": self.group_limits}
        self.machine = self.make(entry=self.fate.entry, fail_fast=self.fate.fail_fast, **limits)
        self.ledger = Ledger(self.fate.entry, self.fate.fail_fast, self.limit, self.group_limits)

    def run(self) -> RunMove:
        """Let the world come to its end; returns the end of its run."""
        for _ in range(PATIENCE):
            end = self._over()
            if end is not None:
                self._commit(end)
                if not self.unrest.resumes or end.to is RunStatus.SUCCEEDED:
                    self._compare(end)
                    return end
                self.unrest.resumes -= 1
                self._reopen()
            self._step()
        raise Violation(f"the run did not end in {PATIENCE} steps")

    def _step(self) -> None:
        chance = self.rng.random
        unrest = self.unrest
        if chance() < unrest.crash:
            self._crash()
        elif chance() < unrest.stop:
            self._stop()
        elif chance() < unrest.limits:
            self._change_limit()
        elif self.ghosts and chance() < unrest.late:
            self._report(self.ghosts.pop(self.rng.randrange(len(self.ghosts))))
        elif self.landed and chance() < unrest.doubled:
            self._report(self.rng.choice(self.landed))
        elif self.to_add and chance() < 0.02:
            self._add([self.to_add.pop()], None)
            self.ledger.added()
        else:
            self._work()
        if not chance() < unrest.lazy_commit:
            self._commit()
        if self.checked and self.events % 37 == 0:
            validate(self.machine)

    def _work(self) -> None:
        """What an undisturbed driver does: offer places, take reports, let time pass."""
        if self.flying and self.rng.random() < 0.7:
            self._land(self.flying.pop(self.rng.randrange(len(self.flying))))
            return
        if self.rng.random() < 0.1:
            self.now += self.rng.choice((0.1, 1.0, 100.0, -50.0))
        started = 0
        for executor, slots in self.fate.executors.items():
            room = slots - self.used[executor]
            if room > 0 or self.rng.random() < 0.1:
                started += self._offer(executor, room)
        if not started:
            self._commit()
            due = self.machine.next_due()
            if due is not None and not self.flying:
                self.now = max(self.now, due)

    # --- events ----------------------------------------------------------------------------------------------------

    def _add(self, plans: list[Plan], parent: int | None) -> int:
        """Returns the ordinal of the first; a first batch that is refused would be a fault of the world."""
        first = len(self.plans)
        tasks = []
        for offset, plan in enumerate(plans):
            spec = TaskSpec("step", "step", "", NOTHING, plan.inside, plan.options)
            upstreams = [first + place for place in plan.inside] + plan.outside
            tasks.append(NewTask(first + offset, f"{plan.key:x}", spec, upstreams, parent, self.now))
        self.events += 1
        self.machine.add(tasks)
        self.plans.extend(plans)
        self.ledger.add(tasks)
        self.sheet.tasks.extend(tasks)
        return first

    def _offer(self, executor: str, room: int) -> int:
        ready = self.machine.ready_for(executor, self.now)
        moves = self.machine.offer(executor, room, self.now)
        self.events += 1
        expect(ready or not moves, "nothing was ready, but something started", moves)
        self.ledger.offered(executor, room, self.now, moves)
        for move in moves:
            plan = self.plans[move.task]
            if self.fate.is_cached(plan):
                self.events += 1
                follow = self.machine.satisfy(move.task, self.now, Reason.CACHED)
                self.ledger.satisfied(move.task, self.now, follow)
                self.sheet.moves.extend(follow)
            elif self.rng.random() < self.fate.rates.cached / 2:
                until = self.now + self.rng.choice((0.5, 5.0))
                self.events += 1
                self.machine.defer(move.task, self.now, until, Reason.FLIGHT)
                self.ledger.unstarted(move.task, until)
            else:
                options = plan.options
                outcome = self.fate.outcome(plan, move.attempt)
                flight = Flight(move.task, move.attempt, executor, options.slots, outcome, plan.key)
                self.used[executor] += options.slots
                self.sheet.moves.append(move)
                self.sheet.starts.append(flight)
        return len(moves)

    def _land(self, flight: Flight) -> None:
        self.used[flight.executor] -= flight.slots
        self._report(flight)
        self.landed.append(flight)
        del self.landed[:-20]

    def _report(self, flight: Flight) -> None:
        """Tell the machine, as the engine does: what a forward brings is added first, if the report is not stale."""
        task, attempt, outcome = flight.task, flight.attempt, flight.outcome
        if task >= len(self.plans) or self.plans[task].key != flight.key:
            return
        self.events += 1
        current = task in self.ledger.running and self.ledger.lines[task].attempt == attempt
        self.seen["stale reports"] += not current
        forward_to = None
        if isinstance(outcome, Forward) and current:
            plans, output = self.fate.forwarded(self.plans[task], attempt)
            forward_to = self._add(plans, task) + output
        chance = 0.0 if isinstance(outcome, Returned) else self.rng.random()
        moves = self.machine.ended(task, attempt, outcome, self.now, chance, forward_to=forward_to)
        self.ledger.reported(task, attempt, outcome, self.now, moves, forward_to)
        self.sheet.moves.extend(moves)

    def _change_limit(self) -> None:
        group = self.rng.choice([None, *self.fate.groups])
        bound = self.rng.choice((None, 1, 2, 4))
        self.events += 1
        self.machine.set_limit(group, bound)
        self.ledger.limits[group] = bound
        if group is None:
            self.limit = bound
        elif bound is None:
            self.group_limits.pop(group, None)
        else:
            self.group_limits[group] = bound

    def _stop(self) -> None:
        self.events += 1
        moves = self.machine.stop(self.now)
        self.ledger.stop(self.now, moves)
        self.sheet.moves.extend(moves)
        self.reference.disturbed = True
        self._let_go()

    def _over(self) -> RunMove | None:
        end = self.machine.over(self.now)
        self.ledger.ended(end)
        return end

    # --- the store -------------------------------------------------------------------------------------------------

    def _commit(self, end: RunMove | None = None) -> None:
        sheet, self.sheet = self.sheet, Sheet()
        self.journal.commit(sheet.tasks, sheet.moves, end)
        self.seen.update([f"{move.to} {move.reason}" for move in sheet.moves])
        if end is not None:
            self.seen[f"run {end.to}"] += 1
        self.flying.extend(flight for flight in sheet.starts if not self.ledger.stopped)

    def _crash(self) -> None:
        """The driver dies; what it had decided and not committed was never so."""
        self.seen["crashes"] += 1
        self.seen["crashes with moves that were not committed"] += bool(self.sheet.moves)
        self.sheet = Sheet()
        self._reopen()

    def _let_go(self) -> None:
        """Nobody waits for these attempts any more, but their workers may still report."""
        self.ghosts.extend(self.flying)
        self.flying.clear()
        self.used = dict.fromkeys(self.fate.executors, 0)

    def _reopen(self) -> None:
        """A new driver takes the run up from the store."""
        self._let_go()
        records = self.journal.tasks
        del self.plans[len(records) :]
        known = {plan.key for plan in self.plans}
        self.to_add = [plan for plan in self.fate.extras if plan.key not in known]
        self.reference.cut(records, self.plans)
        self.journal.reopen(self.now)
        self._new_session()
        self.events += 1
        self.machine.restore(records)
        self.ledger.restore(records, {task: plan.options for task, plan in enumerate(self.plans)})
        if self.checked:
            validate(self.machine)

    # --- afterwards ------------------------------------------------------------------------------------------------

    def _compare(self, end: RunMove) -> None:
        """The same end as a naive evaluation of the same fate, and a history that replays to it."""
        if self.checked:
            validate(self.machine)
        records = self.journal.tasks
        for record in records:
            status = self.machine.status(record.ordinal)
            expect(record.status is status, "the machine and its store differ", record, status)
        if self.journal.events:
            history = replay(self.journal.events)
            expect(not history.findings, "the history is not legal", history.findings)
            expect(history.run is end.to, "the history ends otherwise", history.run)
            replayed = [history.tasks[record.ordinal].status for record in records]
            expect(replayed == [record.status for record in records], "the history replays otherwise")
            self.seen["histories replayed"] += 1
        if end.to is RunStatus.CANCELED:
            return
        partial = self.fate.fail_fast and end.to is RunStatus.FAILED
        self.seen["compared with the reference"] += not self.reference.disturbed
        self.reference.compare(end, self.plans, records, partial=partial)


def simulate(seed: int, make: Callable[..., RunMachine] = RunMachine, *, checked: bool = True) -> World:
    """Run one world to its end. `checked`: also look into the machine as it goes."""
    try:
        world = World(seed, make, checked)
        world.run()
    except Exception as error:
        error.add_note(f"To see it again: python -m tests.simulation.world {seed}")
        raise
    return world


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(f"world {argument}: {simulate(int(argument)).events} events, no rule broken\n")
