"""Steps that have been called but not yet run: a graph, and its way into the engine's specifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from manyhands.codecs.kit import Kit
from manyhands.engine import arrival
from manyhands.engine.context import current_task
from manyhands.engine.handle import Reference
from manyhands.engine.task_output import TaskOutput
from manyhands.machine.fingerprint import fingerprint_call
from manyhands.model.errors import CallError, UsageError
from manyhands.model.outcomes import Forward
from manyhands.model.specs import REFERENCE, TaskOptions, TaskSpec
from manyhands.workflow.options import StepOptions

AT_HAND = "__manyhands_value__"
"""References that have this attribute need not be waited for."""


class Called(Protocol):
    """A function that can be called as a step, as the graph needs it."""

    base: str
    label: str
    describe: str
    settings: StepOptions
    task_options: TaskOptions
    kind: str

    def save(self, kit: Kit) -> str: ...

    def key(self) -> bytes: ...


class Node:
    """One call of a step: what `.step()` gives. Nothing runs until it, or a step that it is an argument of, is run.

    A node that is an argument in several places is one call: it runs once.
    """

    __slots__ = ("args", "function", "kwargs")

    inputs_first = False
    """Names are given to inputs first, and nodes inside containers stand for references to their results."""

    awaited: tuple[Any, ...] = ()
    """Steps that are waited for, but whose results are no arguments."""

    def __init__(self, function: Called, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def __reduce__(self) -> Any:
        raise NotSerializable()

    def __fingerprint__(self) -> str:
        # Stands for a result that is not there yet; the key of a cached call is made with that result in its place.
        return "step"

    def __manyhands_forward__(self, kit: Kit) -> Forward:
        task = current_task.get()
        specs = plan(self, kit, None if task is None else task.run_id)
        return Forward(specs, output_of(self, specs))


class NotSerializable(UsageError, ValueError):
    """A step that was called but not run was put where only values can go."""

    text = (
        "Workflow[T] objects are not serializable. Pass them to steps as arguments, or return one from a step; "
        "a list of them is returned by a step that takes the list as its argument."
    )


class NotHere(UsageError, ValueError):
    """A reference to a task was used outside of its run: `NotHere(reference)`."""

    text = (
        "{0} means something inside that run only: as an argument of a step that a step of the run returns. "
        "Elsewhere use `workflow.get_output(run_id, name=...)`."
    )


class Arriving:
    """Waiting for a reference, as something that is called like a step."""

    base = label = arrival.LABEL
    describe = f"an argument of {arrival.LABEL}"
    settings = StepOptions()
    task_options = arrival.OPTIONS
    kind = REFERENCE

    def save(self, kit: Kit) -> str:
        return arrival.save(kit)

    def key(self) -> bytes:
        raise CallError("What a reference refers to cannot be cached.")


ARRIVING = Arriving()


def plan(root: Node, kit: Kit, run_id: str | None = None) -> list[TaskSpec]:
    """The specifications of a graph, each node once: the root first, then breadth first through arguments in their
    order; of a graph of the other form the inputs first, in the order of arguments, and the root last. `output_of`
    says where the root is. `run_id`: the run that they are for, to whose tasks they may refer.

    Errors: `EncodingError`, `PickleForbidden`, `FingerprintError`, `NotHere`.
    """
    specs = Plan(root, kit, run_id).specs()
    return inputs_first(specs) if root.inputs_first else specs


def output_of(root: Node, specs: list[TaskSpec]) -> int:
    """The place of the graph's root in what `plan` has made of it."""
    return len(specs) - 1 if root.inputs_first else 0


class Value:
    """A node at a place where its result goes, in a graph where nodes elsewhere stand for references."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


class Plan:
    """What is known of a graph while its specifications are made."""

    def __init__(self, root: Node, kit: Kit, run_id: str | None) -> None:
        self._kit = kit
        self._run_id = run_id
        self._nodes: list[Node] = [root]
        self._places = {id(root): 0}
        self._codes: dict[int, str] = {}
        self._arrivals: dict[int, Node] = {}

    def specs(self) -> list[TaskSpec]:
        specs: list[TaskSpec] = []
        at = 0
        while at < len(self._nodes):
            specs.append(self._spec(self._nodes[at]))
            at += 1
        return specs

    def _spec(self, node: Node) -> TaskSpec:
        function = node.function
        code = self._codes.get(id(function))
        if code is None:
            code = self._codes[id(function)] = function.save(self._kit)
        upstreams: list[int] = []
        index_of = self._index_into(upstreams, node.inputs_first)
        args, kwargs = self._arguments(node)
        inputs = self._kit.calls.encode(args, kwargs, index_of, function.describe)
        for awaited in node.awaited:
            index_of(awaited)
        return TaskSpec(
            function.base,
            function.label,
            code,
            inputs,
            upstreams,
            function.task_options,
            function.settings.metadata,
            function.kind,
            _function_key(node) if function.settings.cache else None,
        )

    def _index_into(self, upstreams: list[int], inside_stay: bool) -> Callable[[Any], int | None]:
        """What finds the upstream that an object stands for, and adds it to these. `inside_stay`: nodes inside
        containers stand for references to their results."""
        positions: dict[int, int] = {}

        def index_of(value: Any) -> int | None:
            stays = False
            if isinstance(value, Node):
                place = self._place(value)
                stays = inside_stay
            elif type(value) is Value:
                place = self._place(value.node)
            elif isinstance(value, TaskOutput):
                if value.run_id != self._run_id:
                    raise NotHere(str(value))
                place = ~value.ordinal
            else:
                return None
            position = positions.get(place)
            if position is None:
                position = positions[place] = len(upstreams)
                upstreams.append(place)
            return ~position if stays else position

        return index_of

    def _place(self, node: Node) -> int:
        place = self._places.get(id(node))
        if place is None:
            place = self._places[id(node)] = len(self._nodes)
            self._nodes.append(node)
        return place

    def _arguments(self, node: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with references among them, not inside them, as steps that wait for their values."""
        args, kwargs = node.args, node.kwargs
        if not any(isinstance(value, (Reference, Node)) for value in (*args, *kwargs.values())):
            return args, kwargs
        kept = node.inputs_first
        return (
            tuple(self._argument(value, kept) for value in args),
            {name: self._argument(value, kept) for name, value in kwargs.items()},
        )

    def _argument(self, value: Any, inside_stay: bool) -> Any:
        if isinstance(value, Reference) and not hasattr(value, AT_HAND):
            arriving = self._arrivals.get(id(value))
            if arriving is None:
                arriving = self._arrivals[id(value)] = Node(ARRIVING, ([value],), {})
            value = arriving
        return Value(value) if inside_stay and isinstance(value, Node) else value


def inputs_first(specs: list[TaskSpec]) -> list[TaskSpec]:
    """The same graph, each task behind those whose results it takes."""
    order: list[int] = []
    begun = {0}
    path = [(0, iter(specs[0].upstreams))]
    while path:
        at, rest = path[-1]
        following = next((upstream for upstream in rest if upstream >= 0 and upstream not in begun), None)
        if following is None:
            order.append(at)
            path.pop()
        else:
            begun.add(following)
            path.append((following, iter(specs[following].upstreams)))
    places = {old: new for new, old in enumerate(order)}
    for spec in specs:
        spec.upstreams = [places.get(upstream, upstream) for upstream in spec.upstreams]
    return [specs[old] for old in order]


def _function_key(node: Node) -> bytes:
    """The function's part of the cache key. Arguments without a stable identity are refused now, not when the step is
    about to start. Errors: `FingerprintError`."""
    fingerprint_call(node.args, node.kwargs)
    return node.function.key()
