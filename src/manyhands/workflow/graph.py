"""Steps that have been called but not yet run: a graph, and its way into the engine's specifications."""

from __future__ import annotations

from typing import Any, Protocol

from manyhands.codecs.kit import Kit
from manyhands.machine.fingerprint import fingerprint_call
from manyhands.model.errors import UsageError
from manyhands.model.outcomes import Forward
from manyhands.model.specs import TaskOptions, TaskSpec
from manyhands.workflow.options import StepOptions


class Called(Protocol):
    """A function that can be called as a step, as the graph needs it."""

    base: str
    label: str
    describe: str
    settings: StepOptions
    task_options: TaskOptions

    def save(self, kit: Kit) -> str: ...

    def key(self) -> bytes: ...


class Node:
    """One call of a step: what `.step()` gives. Nothing runs until it, or a step that it is an argument of, is run.

    A node that is an argument in several places is one call: it runs once.
    """

    __slots__ = ("args", "function", "kwargs")

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
        return Forward(plan(self, kit), 0)


class NotSerializable(UsageError, ValueError):
    """A step that was called but not run was put where only values can go."""

    text = (
        "Workflow[T] objects are not serializable. Pass them to steps as arguments, or return one from a step; "
        "a list of them is returned by a step that takes the list as its argument."
    )


def plan(root: Node, kit: Kit) -> list[TaskSpec]:
    """The specifications of a graph: the root first, then breadth first through arguments in their order; each node
    once. Errors: `EncodingError`, `PickleForbidden`, `FingerprintError`."""
    nodes = [root]
    places = {id(root): 0}
    codes: dict[int, str] = {}
    specs: list[TaskSpec] = []
    at = 0
    while at < len(nodes):
        specs.append(_spec(nodes[at], nodes, places, codes, kit))
        at += 1
    return specs


def _spec(node: Node, nodes: list[Node], places: dict[int, int], codes: dict[int, str], kit: Kit) -> TaskSpec:
    upstreams: list[int] = []
    positions: dict[int, int] = {}

    def index_of(value: Any) -> int | None:
        if not isinstance(value, Node):
            return None
        place = places.get(id(value))
        if place is None:
            place = places[id(value)] = len(nodes)
            nodes.append(value)
        position = positions.get(place)
        if position is None:
            position = positions[place] = len(upstreams)
            upstreams.append(place)
        return position

    function = node.function
    code = codes.get(id(function))
    if code is None:
        code = codes[id(function)] = function.save(kit)
    inputs = kit.calls.encode(node.args, node.kwargs, index_of, function.describe)
    return TaskSpec(
        function.base,
        function.label,
        code,
        inputs,
        upstreams,
        function.task_options,
        function.settings.metadata,
        "function",
        _function_key(node) if function.settings.cache else None,
    )


def _function_key(node: Node) -> bytes:
    """The function's part of the cache key. Arguments without a stable identity are refused now, not when the step is
    about to start. Errors: `FingerprintError`."""
    fingerprint_call(node.args, node.kwargs)
    return node.function.key()
