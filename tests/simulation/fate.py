"""What is bound to happen in a simulated world: a pure function of its seed, whatever order things happen in."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from manyhands.model.outcomes import Failure, Forward, Outcome, Returned, Value
from manyhands.model.specs import TaskOptions
from manyhands.model.states import Cause
from manyhands.model.values import Encoded

MASK = (1 << 64) - 1
ENOUGH = 40
"""From this attempt on every task returns a value, so that a world with unbounded retries ends."""

DEEP = 25
"""Depth of forwards in a world of long recursions."""

VALUE = Value(Encoded("json", b"1"))
FORWARD = Forward([], 0)
RETURNED = Returned()
FAILURES = {
    (cause, retryable): Failure(cause, f"{cause} happened", retryable=retryable)
    for cause in Cause
    for retryable in (True, False)
}


def mix(*numbers: int) -> int:
    """A well-stirred number of 64 bits that depends on all of these."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = ((state ^ number) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & MASK
        state ^= state >> 29
    state = (state * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


@dataclass(slots=True)
class Plan:
    """A task to be. `inside`: upstreams in its own batch, by place there; `outside`: tasks of the first batch.

    `root`: the task of the first batch that it descends from: it may refer to earlier ones only, or it would come to
    wait for itself.
    """

    key: int
    options: TaskOptions
    inside: list[int]
    outside: list[int]
    depth: int
    root: int


@dataclass
class Rates:
    """How likely each outcome of an attempt is; a value is the rest."""

    forward: float
    returned: float
    failures: dict[Cause, float]
    hopeless: float
    cached: float


@dataclass
class Fate:
    """Everything that a seed decides: the first graph, what tasks are added later, and what each attempt comes to."""

    seed: int
    rates: Rates = field(init=False)
    palette: list[TaskOptions] = field(init=False)
    first: list[Plan] = field(init=False)
    extras: list[Plan] = field(init=False)
    entry: int | None = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(mix(self.seed, 1))
        self.executors = {name: rng.choice((1, 2, 3, 4, 8)) for name in ("a", "b", "c")[: rng.choice((1, 1, 2, 3))]}
        self.groups = ["g", "h"][: rng.choice((0, 0, 1, 2))]
        self.group_limits = {name: rng.randint(1, 3) for name in self.groups if rng.random() < 0.8}
        self.limit = rng.choice((None, None, 1, 2, 5))
        self.fail_fast = rng.random() < 0.4
        self.deepest = rng.choice((1, 2, 3, DEEP))
        self.rates = self._rates(rng)
        self.palette = [self._options(rng) for _ in range(5)]
        self.first = self._first(rng)
        self.entry = None if rng.random() < 0.3 else len(self.first) - 1
        size = len(self.first)
        count = 0 if self.entry is not None else rng.choice((0, 0, 1, 3))
        self.extras = [
            Plan(mix(self.seed, 3, i), rng.choice(self.palette), [], rng.sample(range(size), min(size, 2)), DEEP, 0)
            for i in range(count)
        ]

    def _rates(self, rng: random.Random) -> Rates:
        calm = rng.random() < 0.3
        some = 0.0 if calm else rng.choice((0.02, 0.1, 0.3))
        failures = {cause: some * rng.choice((0, 0.3, 1)) for cause in Cause}
        failures[Cause.CANCELED] *= 0.1
        forward = rng.choice((0.0, 0.05, 0.3)) if self.deepest < DEEP else 0.8
        return Rates(forward, rng.choice((0.0, 0.05)), failures, rng.choice((0.0, 0.1)), rng.choice((0.0, 0.1)))

    def _options(self, rng: random.Random) -> TaskOptions:
        executor = rng.choice(list(self.executors))
        return TaskOptions(
            attempts=rng.choice((1, 2, 3, 5, -1)),
            lost_attempts=rng.choice((1, 2, 3)),
            delay=rng.choice((0.0, 0.0, 1.0, 5.0)),
            backoff=rng.choice((1.0, 2.0, 10.0)),
            max_delay=rng.choice((30.0, 3600.0)),
            jitter=rng.choice((0.0, 0.1, 1.0)),
            catch=rng.random() < 0.25,
            executor=executor,
            slots=rng.randint(1, min(3, self.executors[executor])),
            group=rng.choice([None, *self.groups]),
        )

    def _first(self, rng: random.Random) -> list[Plan]:
        size = rng.choice((1, 2, 5) if self.deepest == DEEP else (1, 2, 5, 10, 20, 40))
        upstreams = rng.choice((_chain, _layers, _fork_join, _diamonds, _anything))(rng, size)
        options = self.palette
        return [
            Plan(mix(self.seed, 2, place), rng.choice(options), above, [], 0, place)
            for place, above in enumerate(upstreams)
        ]

    def is_cached(self, plan: Plan) -> bool:
        return mix(self.seed, 4, plan.key) < self.rates.cached * MASK

    def outcome(self, plan: Plan, attempt: int) -> Outcome:
        """What this attempt of the task comes to. For a forward, `forwarded` says to what."""
        drawn = mix(self.seed, 5, plan.key, attempt)
        chance = drawn / MASK
        rates = self.rates
        if attempt >= ENOUGH:
            return VALUE
        if chance < rates.forward * (plan.depth < self.deepest):
            return FORWARD
        chance -= rates.forward
        if 0 <= chance < rates.returned:
            return RETURNED
        chance -= rates.returned
        for cause, rate in rates.failures.items():
            if 0 <= chance < rate:
                return FAILURES[cause, drawn % 1000 >= rates.hopeless * 1000]
            chance -= rate
        return VALUE

    def forwarded(self, plan: Plan, attempt: int) -> tuple[list[Plan], int]:
        """The tasks that this attempt returns, in no helpful order, and which of them goes on in its place."""
        rng = random.Random(mix(self.seed, 6, plan.key, attempt))
        size = rng.choice((1, 1, 2, 4))
        order = list(range(size))
        rng.shuffle(order)
        plans = []
        for place in range(size):
            rank = order.index(place)
            inside = [other for other in order[:rank] if rng.random() < 0.6]
            outside = [rng.randrange(plan.root)] if plan.root and rng.random() < 0.2 else []
            key = mix(self.seed, 7, plan.key, attempt, place)
            # In a deep world only the task that goes on forwards again, or the graph would grow without bound.
            depth = plan.depth + 1 if place == order[-1] or self.deepest < DEEP else self.deepest
            plans.append(Plan(key, rng.choice(self.palette), inside, outside, depth, plan.root))
        return plans, order[-1]


def _chain(rng: random.Random, size: int) -> list[list[int]]:
    return [[place - 1] if place else [] for place in range(size)]


def _layers(rng: random.Random, size: int) -> list[list[int]]:
    width = rng.randint(1, 6)
    found: list[list[int]] = []
    for place in range(size):
        before = range(max(0, (place // width - 1) * width), place // width * width)
        found.append(rng.sample(before, min(len(before), rng.randint(1, 3))))
    return found


def _fork_join(rng: random.Random, size: int) -> list[list[int]]:
    return [[0] if 0 < place < size - 1 else list(range(place)) for place in range(size)]


def _diamonds(rng: random.Random, size: int) -> list[list[int]]:
    shapes = ([-1], [-1], [-2], [-1, -2])
    return [[place + step for step in shapes[place % 4] if place + step >= 0] for place in range(size)]


def _anything(rng: random.Random, size: int) -> list[list[int]]:
    return [rng.sample(range(place), min(place, rng.choice((0, 1, 1, 2, 4)))) for place in range(size)]
