"""The difference of two plain states as a plain list of operations, and the way from the one to the other."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Sequence
from typing import Any

from manyhands.app.errors import UnfitDelta

Operation = list[Any]
"""`[path, verb, value]`. `path` is a list of keys (text) and places (numbers) from the top. Verbs:

* `set`: put `value` there; the last part of the path may be a key that is not there yet.
* `del`: take the key away; `value` is None.
* `extend`: append the members of the list `value` to the list there.
* `cut`: keep the first `value` members of the list there.
"""

Delta = list[Operation]

MARSHAL_VERSION = 2
"""The last one whose bytes depend on the value alone, and not on how often its parts are referred to."""

LARGE = 8
"""Lists of at most so many members are looked through one by one at once."""

KIND = "__kind__"
"""The key by which a dict says that it stands for something else (see `plain`); such a dict changes as a whole."""

_SCALARS = frozenset({type(None), bool, int, float, str})
_NO_TOP = "the state itself cannot be replaced; name a part of it"


def difference(before: Any, after: Any) -> Delta:
    """The operations that make `after` of `before`, both plain (see `plain.to_plain`); none when they are equal.

    1, 1.0 and True differ. The order of a dict's keys does not count. The values in it are shared with `after`.
    """
    found: Delta = []
    _compare(before, after, [], found)
    return found


def apply(state: Any, delta: Iterable[Operation]) -> Any:
    """What becomes of `state`, which stays as it is: what does not change is shared with the result.

    Errors: `UnfitDelta` for what is no operation or does not fit the state.
    """
    for operation in delta:
        path, verb, value = checked(operation)
        if not path:
            raise UnfitDelta(operation, _NO_TOP)
        state = _copy(state, operation)
        holder = state
        for part in path[:-1]:
            inner = _copy(_step(holder, part, operation), operation)
            holder[part] = inner
            holder = inner
        _act(holder, path[-1], verb, value, operation, copy=True)
    return state


def apply_in_place(state: Any, delta: Iterable[Operation]) -> None:
    """Change `state` itself. Errors: as of `apply`; what came before the unfit operation has been done."""
    for operation in delta:
        path, verb, value = checked(operation)
        if not path:
            raise UnfitDelta(operation, _NO_TOP)
        holder = state
        for part in path[:-1]:
            holder = _step(holder, part, operation)
        _act(holder, path[-1], verb, value, operation, copy=False)


def rerooted(way: Sequence[str], delta: Iterable[Operation]) -> Delta:
    """The same changes, seen from further up: `way` leads from there to where the paths begin."""
    return [[[*way, *path], verb, value] for path, verb, value in delta]


def checked(operation: Any) -> tuple[list[str | int], str, Any]:
    """The parts of an operation that came from elsewhere. Errors: `UnfitDelta`."""
    if not isinstance(operation, list | tuple) or len(operation) != 3:
        raise UnfitDelta(operation, "an operation is a list of path, verb and value")
    path, verb, value = operation
    if not isinstance(path, list | tuple) or not all(type(part) in (str, int) for part in path):
        raise UnfitDelta(operation, "its path is no list of keys and places")
    if verb not in ("set", "del", "extend", "cut"):
        raise UnfitDelta(operation, "its verb is none of set, del, extend, cut")
    if verb == "extend" and not isinstance(value, list):
        raise UnfitDelta(operation, "what is appended is no list")
    if verb == "cut" and (type(value) is not int or value < 0):
        raise UnfitDelta(operation, "the length to keep is no whole number")
    return list(path), verb, value


def with_changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """`after`, a component's state, with `changes` filled in: attribute to `{"from": ..., "to": ...}`, at every depth.

    Components that `before` has not are given as they are.
    """
    result = dict(after)
    old, new = before.get("vars"), after.get("vars")
    if isinstance(old, dict) and isinstance(new, dict):
        result["changes"] = {
            name: {"from": old.get(name), "to": value}
            for name, value in new.items()
            if name not in old or not _same(old[name], value)
        }
    for kind in ("flows", "works", "structures"):
        if kind in after:
            earlier = before.get(kind, {})
            result[kind] = {
                name: with_changes(earlier[name], child) if name in earlier else child
                for name, child in after[kind].items()
            }
    return result


def _same(before: Any, after: Any) -> bool:
    if type(before) is not type(after):
        return False
    if type(before) in _SCALARS:
        return before is after or bool(before == after) or (before != before and after != after)
    try:
        return marshal.dumps(before, MARSHAL_VERSION) == marshal.dumps(after, MARSHAL_VERSION)
    except ValueError:
        return bool(before == after)


def _compare(before: Any, after: Any, path: list[str | int], found: Delta) -> None:
    if before is after or _same(before, after):
        return
    if type(before) is dict and type(after) is dict and _open(before) and _open(after):
        for key in before:
            if key not in after:
                found.append([[*path, key], "del", None])
        for key, value in after.items():
            if key in before:
                _compare(before[key], value, [*path, key], found)
            else:
                found.append([[*path, key], "set", value])
    elif type(before) is list and type(after) is list and path:
        _compare_lists(before, after, path, found)
    else:
        found.append([list(path), "set", after])


def _open(value: dict[Any, Any]) -> bool:
    """Whether every key can be part of a path that leads on to a member."""
    return KIND not in value and all(type(key) is str for key in value)


def _compare_lists(before: list[Any], after: list[Any], path: list[str | int], found: Delta) -> None:
    common = min(len(before), len(after))
    inner: Delta = []
    if common <= LARGE or not _same(before[:common], after[:common]):
        different = 0
        for place in range(common):
            held = len(inner)
            _compare(before[place], after[place], [*path, place], inner)
            different += len(inner) > held
        if different * 2 > common:
            found.append([list(path), "set", after])
            return
    if len(before) > common:
        inner.append([list(path), "cut", common])
    elif len(after) > common:
        inner.append([list(path), "extend", after[common:]])
    found += inner


def _copy(value: Any, operation: Any) -> Any:
    if isinstance(value, dict | list):
        return value.copy()
    raise UnfitDelta(operation, f"its path leads into a {type(value).__name__}")


def _step(holder: Any, part: str | int, operation: Any) -> Any:
    if isinstance(holder, dict) and part in holder:
        return holder[part]
    if isinstance(holder, list) and type(part) is int and 0 <= part < len(holder):
        return holder[part]
    raise UnfitDelta(operation, f"there is no {part!r} on its path")


def _act(holder: Any, part: str | int, verb: str, value: Any, operation: Any, copy: bool) -> None:
    if verb == "set" and isinstance(holder, dict) and type(part) is str:
        holder[part] = value
        return
    target = _step(holder, part, operation)
    if verb == "set":
        holder[part] = value
    elif verb == "del":
        if not isinstance(holder, dict):
            raise UnfitDelta(operation, "only keys of a dict can be taken away")
        del holder[part]
    elif not isinstance(target, list):
        raise UnfitDelta(operation, f"it changes the length of a {type(target).__name__}")
    else:
        if copy:
            target = holder[part] = target.copy()
        if verb == "cut":
            del target[value:]
        else:
            target.extend(value)
