"""Components and a backend for the tests of this folder."""

from typing import Any

from manyhands.app.flow import Flow, attach
from manyhands.app.status import make_status
from manyhands.app.structures import Dict, List
from manyhands.app.tree import Tree
from manyhands.app.work import Work

WORK_VARS = {
    "_paths": {},
    "_host": "127.0.0.1",
    "_port": None,
    "_url": "",
    "_future_url": "",
    "_internal_ip": "",
    "_public_ip": "",
    "_display_name": "",
    "_restarting": False,
    "_cloud_compute": None,
}
FLOW_VARS: dict[str, Any] = {"_paths": {}, "_layout": {}}
WORK = {"vars": {**WORK_VARS, "counter": 0}, "calls": {"latest_call_hash": None}, "changes": {}}


class Clock:
    """Time that is told when to go on."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Desk:
    """Writes down what it is asked, and says what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def submit(self, work: Work, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.asked.append(("submit", work.name, key, args, kwargs))

    def start(self, work: Work, key: str) -> None:
        self.asked.append(("start", work.name, key))

    def stop(self, work: Work) -> None:
        self.asked.append(("stop", work.name))

    def delete(self, work: Work) -> None:
        self.asked.append(("delete", work.name))


class Counting(Work):
    """Counts its runs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.counter = 0

    def run(self, *args: Any, **kwargs: Any) -> None:
        self.counter += 1


class EmptyFlow(Flow):
    """Does nothing."""

    def run(self) -> None:
        pass


class Holding(EmptyFlow):
    """Holds one work."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.work = Counting(**options)


class Nested(EmptyFlow):
    """A flow in a flow, `depth` times."""

    def __init__(self, depth: int = 0) -> None:
        super().__init__()
        self.counter = 0
        self.work = Counting()
        if depth:
            self.child = Nested(depth - 1)


class Everything(EmptyFlow):
    """Has a child of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.x = {"k": [1]}
        self.work = Counting()
        self.child = Holding()
        self.list = List(Counting(), Holding())
        self.dict = Dict(a=Counting(), b=Holding())


def within(root: Flow, clock: Clock | None = None) -> Desk:
    """Have the root and all below it belong to an app, whose desk is returned."""
    tree = Tree()
    tree.clock = clock or Clock()
    attach(root, tree)
    tree.collect()
    tree.backend = desk = Desk()
    return desk


def changes(root: Flow) -> dict[str, list[Any]]:
    """What has changed since the last time, by component."""
    return {getattr(component, "name", ""): delta for component, delta in root._tree_.collect()}


def tell(work: Work, key: str, *stages: str, at: float = 1_700_000_001.0, **more: Any) -> None:
    """Say that a call went through these stages, a second each."""
    for place, stage in enumerate(stages):
        last = more if place == len(stages) - 1 else {}
        work._record_(key, make_status(stage, timestamp=at + place, **last))


def latest_key(desk: Desk) -> str:
    """The key of the call that was submitted last."""
    key: str = [asked for asked in desk.asked if asked[0] == "submit"][-1][2]
    return key
