"""The other notation: functions bound with `.bind()` to a graph, with places for inputs, that is then run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from manyhands.engine.context import client, current_task
from manyhands.engine.handle import Reference
from manyhands.model.errors import CallError, OptionError, UsageError
from manyhands.model.kinds import PLAIN_CALL
from manyhands.workflow.graph import Node, output_of, plan
from manyhands.workflow.options import WORKFLOW_OPTIONS, check
from manyhands.workflow.run import Workflow

OPTIONS = frozenset({"task_id", "name", "metadata", "catch_exceptions", "max_retries", "allow_inplace", "checkpoint"})

LOOKED_INTO = "lists, tuples, sets and dictionaries"


class Bound(Workflow):
    """A call that was made by `.bind()`. It differs from one made by `.step()` in that nodes inside containers arrive
    as references, not as values, and that names are given to inputs first."""

    __slots__ = ()

    inputs_first = True

    def execute(self, *args: Any, **kwargs: Any) -> Reference:
        """Run the graph as a plain call, which is no workflow and is in no list of them; a reference to the result.

        Errors: `CallError` for inputs that do not fit.
        """
        ours = client()
        root = create(self, *args, **kwargs)
        specs = plan(root, ours.engine.kit)
        reference = ours.start(None, specs, kind=PLAIN_CALL, metadata={}, entry=output_of(root, specs))
        ours.secure(reference)
        return reference


class NotBound(UsageError, ValueError):
    """A graph was run without the inputs that it has places for: `NotBound(place)`."""

    text = (
        "The graph has a place for {0}, which was not given. Run it by `workflow.run(dag, ...)` with its inputs. "
        f"Places are looked for among arguments and in {LOOKED_INTO}, but not inside other objects."
    )


class NotADag(CallError):
    """Something else was given where a graph must be: `NotADag(type_name)`."""

    text = "A {0} is no graph of steps. Give what `.bind()` or `.step()` returns, not a result or a reference to one."


class InputPlace:
    """A place in a graph for a part of its input; subscripts and attributes of it are places for parts of that part."""

    def __init__(self, path: tuple[tuple[str, Any], ...] = ()) -> None:
        self._manyhands_path = path

    def __getitem__(self, key: Any) -> InputPlace:
        return InputPlace((*self._manyhands_path, ("item", key)))

    def __getattr__(self, name: str) -> InputPlace:
        if name.startswith("__"):
            raise AttributeError(name)
        return InputPlace((*self._manyhands_path, ("attribute", name)))

    def __iter__(self) -> Any:
        raise CallError(f"{self!r} cannot be iterated over: what it is is known when the graph is run.")

    def __repr__(self) -> str:
        return "input" + "".join(f"[{key!r}]" if how == "item" else f".{key}" for how, key in self._manyhands_path)

    def __reduce__(self) -> Any:
        raise NotBound(repr(self))


class InputNode(InputPlace):
    """The input of a graph: `with InputNode() as given:` and then `given`, `given[0]`, `given["key"]` or `given.key`
    among the arguments of `.bind()`.

    Of a graph that is run with one argument it is that argument, else `given[0]` is the first argument and
    `given.key` the one of that name.
    """

    def __init__(self) -> None:
        super().__init__()

    def __enter__(self) -> InputNode:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Inputs:
    """All the inputs of a graph that is run with several: by number and by name."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def __getitem__(self, key: Any) -> Any:
        return self.kwargs[key] if isinstance(key, str) else self.args[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.kwargs:
            raise AttributeError(name)
        return self.kwargs[name]


# --- run --------------------------------------------------------------------------------------------------------------


def create(dag: Any, *args: Any, **kwargs: Any) -> Workflow:
    """A graph with its inputs, to be run. Errors: `NotADag`, `CallError` (both `TypeError`s).

    Example: `workflow.create(total.bind(square.bind(2), 3)).run("sum")`
    """
    if not isinstance(dag, Workflow):
        raise NotADag(type(dag).__name__)
    return Binding(args, kwargs).of(dag)


def run(
    dag: Any, *args: Any, workflow_id: str | None = None, metadata: dict[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Run a graph with these inputs and return its result; `workflow_id` and `metadata` as in `Workflow.run`.

    Example: `workflow.run(double.bind(double.bind(1)), workflow_id="four")`
    """
    return create(dag, *args, **kwargs).run(workflow_id, metadata)


def run_async(
    dag: Any, *args: Any, workflow_id: str | None = None, metadata: dict[str, Any] | None = None, **kwargs: Any
) -> Reference:
    """Start a graph with these inputs and return at once, with a reference to the result; the run is durable then."""
    return create(dag, *args, **kwargs).run_async(workflow_id, metadata)


def continuation(dag: Any) -> Any:
    """A graph that goes on in place of the step that returns it. Outside of steps it is run, and its value returned, so
    that a function may be used in both ways.

    Errors: `NotADag` (a `TypeError`).
    """
    if not isinstance(dag, Workflow):
        raise NotADag(type(dag).__name__)
    if current_task.get() is not None:
        return dag
    return dag.execute().result() if isinstance(dag, Bound) else dag.run()


class Binding:
    """Puts inputs into a graph; the graph itself stays as it is."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._given = bool(args or kwargs)
        self._input = args[0] if len(args) == 1 and not kwargs else Inputs(args, kwargs)
        self._made: dict[int, Any] = {}
        self._used = False

    def of(self, root: Workflow) -> Workflow:
        """The graph with the inputs in it. Errors: `CallError`."""
        nodes = list(_inputs_before(root))
        for node in nodes:
            args, kwargs = self._filled(node.args), self._filled(node.kwargs)
            awaited = tuple(self._filled(one) for one in node.awaited)
            if args is not node.args or kwargs is not node.kwargs or awaited != node.awaited:
                made: Any = type(node)(node.function, args, kwargs)
                if awaited:
                    made.awaited = awaited
                self._made[id(node)] = made
        if self._given and not self._used:
            raise CallError(
                "The graph has no places for inputs: make them by `with InputNode() as given:`, among arguments or in "
                f"{LOOKED_INTO}."
            )
        bound: Workflow = self._made.get(id(root), root)
        return bound

    def _filled(self, value: Any) -> Any:
        """The value with inputs in their places; the same object where there are none in it."""
        if isinstance(value, Node):
            return self._made.get(id(value), value)
        if isinstance(value, InputPlace):
            self._used = True
            return self._part(value)
        if not is_container(value):
            refuse_inside(value)
            return value
        known = self._made.get(id(value))
        if known is None:
            known = self._made[id(value)] = self._container(value)
        return known

    def _container(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._mapping(value)
        before = [*value]
        after = [self._filled(one) for one in before]
        if all(new is old for new, old in zip(after, before, strict=True)):
            return value
        kind: Any = type(value)
        return kind(after) if kind in CONTAINERS else kind._make(after)

    def _mapping(self, value: dict[Any, Any]) -> dict[Any, Any]:
        changes = [(key, new) for key, old in value.items() if (new := self._filled(old)) is not old]
        if not changes:
            return value
        made = copy(value)  # what a dictionary of a type of its own has beside its items stays
        for key, new in changes:
            made[key] = new
        return made

    def _part(self, place: InputPlace) -> Any:
        if not self._given:
            raise NotBound(repr(place))
        found = self._input
        for how, key in place._manyhands_path:
            try:
                found = _item(found, key) if how == "item" else _attribute(found, key)
            except (LookupError, AttributeError, TypeError) as error:
                raise CallError(f"The graph wants {place!r}, which is not among what it was given: {error}") from error
        return found


CONTAINERS = frozenset({list, tuple, set, frozenset})
"""Types of containers that are made from their contents; beside them there are dictionaries and named tuples."""


def is_container(value: Any) -> bool:
    """Whether nodes and places are looked for inside a value."""
    kind = type(value)
    return kind in CONTAINERS or isinstance(value, dict) or (isinstance(value, tuple) and hasattr(kind, "_make"))


def refuse_inside(value: Any) -> None:
    """Errors: `CallError` for a data class with a place in it."""
    kind = type(value)
    for name in getattr(kind, "__dataclass_fields__", ()):
        place = getattr(value, name, None)
        if isinstance(place, InputPlace):
            raise CallError(
                f"{place!r} stands inside a {kind.__qualname__}, where places are not looked for. Give it as an "
                f"argument of its own, or in {LOOKED_INTO}."
            )


def _item(found: Any, key: Any) -> Any:
    if key == 0 and not hasattr(found, "__getitem__"):
        return found  # the first of one
    return found[key]


def _attribute(found: Any, name: str) -> Any:
    if isinstance(found, dict) and name in found:
        return found[name]
    return getattr(found, name)


def _inputs_before(root: Workflow) -> Iterator[Node]:
    """The nodes of a graph, each behind those that are among its arguments."""
    begun = {id(root)}
    path = [(root, nodes_in([root.args, root.kwargs, root.awaited]))]
    while path:
        node, rest = path[-1]
        following: Any = next((one for one in rest if id(one) not in begun), None)
        if following is None:
            yield node
            path.pop()
        else:
            begun.add(id(following))
            path.append((following, nodes_in([following.args, following.kwargs, following.awaited])))


def nodes_in(value: Any) -> Iterator[Node]:
    """The nodes inside a value, at any depth of containers."""
    todo = [value]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if isinstance(one, Node):
            yield one
        elif is_container(one) and id(one) not in seen:
            seen.add(id(one))
            todo.extend(reversed([*one.values()] if isinstance(one, dict) else [*one]))


# --- options ----------------------------------------------------------------------------------------------------------


class Options(dict[str, Any]):
    """What `options` gives: a decorator, and keyword arguments for the `options` of a function."""

    def __call__(self, function: Any) -> Any:
        change: Callable[..., Any] | None = getattr(function, "options", None)
        if change is None:
            raise CallError(
                "workflow.options decorates a step, and so stands above `@workflow.step` (or `@ray.remote`), "
                f"not above a {type(function).__name__}."
            )
        return change(**self)


def options(**given: Any) -> Options:
    """Options of a step as a workflow sees it: `task_id` (or `name`), `metadata`, `catch_exceptions`, `max_retries`,
    `allow_inplace`, `checkpoint`. A decorator, or arguments: `f.options(**workflow.options(task_id="a"))`.

    They replace what was given before, metadata too. Errors: `OptionError`, `MetadataError` (both `ValueError`s).
    """
    unknown = sorted(set(given) - OPTIONS)
    if unknown:
        raise OptionError(
            f"Unknown option '{unknown[0]}' of workflow.options. There are: {', '.join(sorted(OPTIONS))}."
        )
    chosen = dict(given)
    if "task_id" in chosen:
        if "name" in chosen:
            raise OptionError("task_id and name are one option under two names: give one of them.")
        chosen["name"] = chosen.pop("task_id")
    check(chosen)
    return Options({WORKFLOW_OPTIONS: chosen})
