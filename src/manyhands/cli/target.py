"""`FILE:NAME` on the command line, found and loaded."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from manyhands.cli.compat import advice
from manyhands.model.errors import UsageError

EXAMPLE = "as in `flows.py:build` or `package.flows:build`"


def load(target: str) -> Any:
    """What `FILE:NAME` or `MODULE:NAME` names. Errors: `UsageError`, with the place where loading failed."""
    where, separator, name = target.rpartition(":")
    if not separator or not where or not name:
        raise UsageError(f"{target!r} names nothing to run: write FILE:NAME, {EXAMPLE}.")
    module = _file(where) if where.endswith(".py") or os.path.exists(where) else _module(where)
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            there = ", ".join(_runnable(module)) or "nothing that could be run"
            raise UsageError(f"{where} has no {name!r}. It has {there}.") from None
    return found


def _runnable(module: ModuleType) -> list[str]:
    """Names of the workflows and steps of a module, and of its own functions, which may return one."""
    return [name for name, value in vars(module).items() if not name.startswith("_") and _may_be_run(value, module)]


def _may_be_run(value: Any, module: ModuleType) -> bool:
    if isinstance(value, FunctionType):
        return value.__module__ == module.__name__
    return not isinstance(value, ModuleType | type) and (hasattr(value, "run_async") or hasattr(value, "step"))


def _file(path: str) -> ModuleType:
    """The file as a module, with its folder importable, as `python FILE` would have it."""
    full = os.path.abspath(path)
    if not os.path.isfile(full):
        raise UsageError(f"{path}: there is no such file. Write FILE:NAME, {EXAMPLE}.")
    folder, stem = os.path.dirname(full), os.path.splitext(os.path.basename(full))[0]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = _spec(stem)
    if spec is None or spec.loader is None or os.path.abspath(spec.origin or "") != full:
        raise UsageError(f"{path}: another module is called {stem!r} too. Rename the file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem] = module
    # The code travels with the run, so that it can be resumed where, or when, this very file is not there.
    cloudpickle.register_pickle_by_value(module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(_told(path, "loaded", error)) from error
    return module


def _spec(name: str) -> ModuleSpec | None:
    """What `import` would load under this name."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _module(name: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(f"{name}: there is no such file and no such module. Write FILE:NAME, {EXAMPLE}.") from None
        raise UsageError(_told(name, "loaded", error)) from error
    except Exception as error:
        raise UsageError(_told(name, "loaded", error)) from error


def _told(where: str, what: str, error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    at = f"\n  at {frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}" if len(frames) > 1 else ""
    cure = advice(error, "manyhands run script --as {} FILE").rstrip()
    return f"{where} cannot be {what}: {type(error).__name__}: {error}{at}" + (f"\n{cure}" if cure else "")


def call(found: Any, target: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A workflow from what was named: a workflow as it is, a step called with the arguments, or what a function
    returns for them. Errors: `UsageError`."""
    if hasattr(found, "run_async"):
        if args or kwargs:
            raise UsageError(f"{target} is a workflow that has its arguments; `--arg` is for a step or a function.")
        return found
    make = getattr(found, "step", None) or found
    if not callable(make):
        what = f"{target} is of type {type(found).__name__}"
        raise UsageError(f"{what}: name a workflow, a step, or a function that returns a workflow.")
    made = make(*args, **kwargs) if make is not found else _called(found, target, args, kwargs)
    if not hasattr(made, "run_async"):
        what = f"{target} returned a value of type {type(made).__name__}"
        raise UsageError(f"{what}, not a workflow: return `some_step.step(…)`.")
    return made


def _called(function: Any, target: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise UsageError(_told(target, "called", error)) from error
