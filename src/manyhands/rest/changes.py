"""What comes from outside as changes of the state, checked against the state that there is."""

from __future__ import annotations

from typing import Any

from manyhands.app.delta import KIND, Delta, apply, checked, difference
from manyhands.app.errors import UnfitDelta
from manyhands.app.plain import LEAST, MOST
from manyhands.model.errors import UsageError
from manyhands.rest.view import Plain

CHILDREN = frozenset({"flows", "works", "structures"})
VARS = "vars"
NOT_OURS = frozenset({"calls", "changes", "app_state"})
"""Parts of a state that is sent back as it was read; they are the app's own, and are left out."""

PLAIN_KINDS = frozenset({"tuple", "dict", "int", "float"})
"""What a dict from outside may stand for. Paths, drives and payloads lead to files, so they are not taken."""


class UnfitState(UsageError, ValueError):
    """A state that is no part of the app's: `UnfitState(where, why)`."""

    text = "{0} cannot be set: {1}. `GET /api/v1/state` shows what there is; send the part of it that is to change."


def delta_of(state: Plain, posted: Any) -> Delta:
    """The operations that set the public attributes which `posted`, a part of a state, names.

    Errors: `UnfitState` for components and attributes that the app has not, and for those that are not public.
    """
    found: Delta = []
    _component(state, posted, [], found)
    return found


def checked_delta(state: Plain, delta: Any) -> Delta:
    """`delta`, when it is a list of operations that change public attributes only and fit the state.

    Errors: `UnfitDelta`, which names the first operation that does not.
    """
    if not isinstance(delta, list):
        raise UnfitDelta(delta, "a delta is a list of operations [path, verb, value]")
    operations: Delta = []
    for operation in delta:
        path, verb, value = checked(operation)
        _check_path(state, path, verb, operation)
        _check_value(value, operation)
        operations.append([path, verb, value])
    apply(state, operations)
    return operations


def _component(state: Plain, posted: Any, way: list[str | int], found: Delta) -> None:
    if not isinstance(posted, dict):
        raise UnfitState(_where(way), f"it is a {type(posted).__name__}, not an object")
    for part, value in posted.items():
        if part in NOT_OURS and not (part == "app_state" and way):
            continue
        if part not in state or (part != VARS and part not in CHILDREN) or not isinstance(value, dict):
            raise UnfitState(_where([*way, part]), "there is no such part")
        if part == VARS:
            _vars(state[VARS], value, [*way, VARS], found)
            continue
        for name, child in value.items():
            if name not in state[part]:
                raise UnfitState(_where([*way, part, name]), "there is no such component")
            _component(state[part][name], child, [*way, part, name], found)


def _vars(present: Plain, posted: Plain, way: list[str | int], found: Delta) -> None:
    for name, value in posted.items():
        where = [*way, name]
        if name not in present:
            raise UnfitState(_where(where), "there is no such attribute")
        _check_value(value, where)
        if not difference({name: present[name]}, {name: value}):
            continue
        if name.startswith("_"):
            raise UnfitState(_where(where), "it is not public")
        found.append([where, "set", value])


def _check_path(state: Plain, path: list[str | int], verb: str, operation: Any) -> None:
    """The path leads by components that exist to `vars`, and there to a public attribute."""
    parts = list(path)
    while len(parts) >= 2 and parts[0] in CHILDREN:
        children = state.get(str(parts[0]))
        if not isinstance(children, dict) or parts[1] not in children:
            raise UnfitDelta(operation, f"there is no component {_where(path[: len(path) - len(parts) + 2])}")
        state = children[parts[1]]
        del parts[:2]
    if len(parts) < 2 or parts[0] != VARS:
        raise UnfitDelta(operation, "its path does not lead to an attribute, as ['works', 'name', 'vars', 'x'] does")
    name = parts[1]
    if not isinstance(name, str) or name not in state.get(VARS, {}):
        raise UnfitDelta(operation, f"there is no attribute {name!r}")
    if name.startswith("_"):
        raise UnfitDelta(operation, f"the attribute {name!r} is not public")
    if len(parts) == 2 and verb == "del":
        raise UnfitDelta(operation, "attributes cannot be taken away")


def _check_value(value: Any, where: Any) -> None:
    if isinstance(value, dict):
        kind = value.get(KIND, "dict")
        if not isinstance(kind, str) or kind not in PLAIN_KINDS:
            raise UnfitDelta(where, f"a {kind} cannot come from outside")
        for part in value.values():
            _check_value(part, where)
    elif isinstance(value, list):
        for part in value:
            _check_value(part, where)
    elif isinstance(value, int) and not LEAST <= value <= MOST:
        raise UnfitDelta(where, f"whole numbers are from {LEAST} to {MOST}; send others as text")


def _where(way: list[Any]) -> str:
    return ".".join(map(str, way)) or "The state"
