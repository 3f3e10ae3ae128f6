"""Callables to bytes and back: stored once per content, loaded once per process."""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import cloudpickle

from manyhands.codecs.plain import SCALARS
from manyhands.codecs.values import ValueCodec
from manyhands.model.errors import DecodingError, EncodingError, ManyhandsError, PickleForbidden, UsageError

LOADED_MOST = 1024
"""How many callables a process keeps loaded; the ones used longest ago go first."""


class Body(NamedTuple):
    """What a task runs: the callable, and the predicate that says which of its exceptions are worth another try."""

    function: Callable[..., Any]
    retry_on: Callable[[BaseException], bool] | None = None


class Named:
    """Stands for a function that is found again by its module and name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (self._function.__module__, self._function.__qualname__)


def find(module: str, qualname: str) -> Any:
    """The callable of that name; where a decorator made a step of it, the function inside."""
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return getattr(found, "__wrapped_step__", found)


def _importable(function: Any) -> bool:
    module = getattr(function, "__module__", "__main__")
    if module == "__main__" or module not in sys.modules:
        return False
    try:
        return find(module, function.__qualname__) is function
    except AttributeError:
        return False


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles one function by value, though its module could be imported; all else as ever."""

    def __init__(self, file: io.BytesIO, function: Any) -> None:
        super().__init__(file, protocol=5)
        self._function = function

    def _function_reduce(self, obj: Any) -> Any:
        return self._dynamic_function_reduce(obj) if obj is self._function else super()._function_reduce(obj)


def _by_value(body: Body) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, body.function).dump(body)
    return buffer.getvalue()


class CodeStore:
    """Saves callables by content in the blob store, and loads them again.

    In the process that saved it a callable is used as it is, without a way through bytes. Not thread-safe for one
    callable; the worst that two threads can do is to load it twice.
    """

    def __init__(self, values: ValueCodec) -> None:
        self._values = values
        self._loaded: OrderedDict[str, Body] = OrderedDict()

    def save(self, body: Body, what: str) -> str:
        """Keep the callable, and return its content hash. Errors: `EncodingError`, `PickleForbidden`.

        A function is saved by value, so that a resume uses the code the run was made with. One that refers to
        something no pickle can hold (a lock, a connection) is saved by name, if its module can be imported.
        """
        if not self._values.allow_pickle:
            raise PickleForbidden(what, "function")
        try:
            data = _by_value(body)
        except UsageError:
            raise
        except Exception as error:
            if not _importable(body.function):
                raise EncodingError(what, "function", f"{type(error).__name__}: {error}") from error
            data = cloudpickle.dumps(Body(Named(body.function), body.retry_on), protocol=5)
        content_hash = self._values.blobs.put(data)
        self._remember(content_hash, body)
        return content_hash

    def load(self, content_hash: str, what: str) -> Body:
        """Errors: `DecodingError`, `StoreCorrupt`."""
        loaded = self._loaded.get(content_hash)
        if loaded is not None:
            return loaded
        data = self._values.blobs.get(content_hash)
        try:
            value: Body = pickle.loads(data)  # noqa: S301 - from our own store, never from the network
        except ManyhandsError:
            raise
        except Exception as error:
            raise DecodingError(what, "pickle", f"{type(error).__name__}: {error}") from error
        self._remember(content_hash, value)
        return value

    def _remember(self, content_hash: str, value: Body) -> None:
        self._loaded[content_hash] = value
        if len(self._loaded) > LOADED_MOST:
            self._loaded.popitem(last=False)


_FIXED = (type, types.ModuleType, types.BuiltinFunctionType)


def capture(function: Callable[..., Any]) -> tuple[Any, ...] | None:
    """What a pickled copy of the function would hold, as something cheap to compare; None when that may change unseen.

    A function is pickled with the values of the globals and closure cells it refers to. While these are constants,
    modules, classes or functions of the same kind, two equal captures mean equal pickles. A mutable object (a list, an
    instance) may change in place, so a function that refers to one is pickled anew each time.
    """
    held: list[Any] = []
    return tuple(held) if _capture(function, held, set()) else None


def _capture(function: Any, held: list[Any], seen: set[int]) -> bool:
    if hasattr(type(function), "__wrapped_step__"):
        held.append(function.settings)
        function = function.__wrapped_step__
    if type(function) is not types.FunctionType:
        return False
    if id(function) in seen:
        return True
    seen.add(id(function))
    code = function.__code__
    held.append(code)
    parts: list[Any] = list(function.__defaults__ or ())
    if function.__kwdefaults__:
        parts.extend(function.__kwdefaults__.values())
    if function.__dict__:
        held.append(tuple(function.__dict__))
        parts.extend(function.__dict__.values())
    for cell in function.__closure__ or ():
        try:
            parts.append(cell.cell_contents)
        except ValueError:
            return False
    names = function.__globals__
    for name in _names(code):
        if name in names:
            parts.append(names[name])
    return all(_hold(part, held, seen) for part in parts)


def _hold(part: Any, held: list[Any], seen: set[int]) -> bool:
    if type(part) in SCALARS:
        held.append((type(part), part))
        return True
    if isinstance(part, _FIXED):
        held.append(part)
        return True
    if isinstance(part, types.FunctionType) or hasattr(type(part), "__wrapped_step__"):
        return _capture(part, held, seen)
    return False


@lru_cache(maxsize=LOADED_MOST)
def _names(code: types.CodeType) -> tuple[str, ...]:
    nested = tuple(name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const))
    return code.co_names + nested if nested else code.co_names
