"""Serves our modules under the names of other systems, to those who ask for it, before any that are installed."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType

from manyhands.compat.errors import NoSuchModule
from manyhands.model.errors import UsageError

VARIABLE = "MANYHANDS_COMPAT"
"""Names the system whose names are served in this process; its workers and other programs it starts inherit it."""

SYSTEMS: Mapping[str, Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "lightning": {
            "lightning": ("manyhands.compat.lightning",),
            "lightning_app": ("manyhands.compat.lightning.app",),
        },
        "ray": {"ray": ("manyhands.compat.ray",)},
        "ray2": {"ray": ("manyhands.compat.ray2", "manyhands.compat.ray")},
    }
)
"""For each system the packages it had, and where ours are: in the first of these that has the module."""


class UnknownSystem(UsageError, ValueError):
    """There are no names of such a system: `UnknownSystem(given, known)`."""

    text = "'{0}' is none of the systems whose names we have: {1}."


class Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `ray.workflow` as `manyhands.compat.ray.workflow`: one module, under both names."""

    def __init__(self, system: str) -> None:
        self._packages = packages_of(system)
        self.system = system

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        for package in self._packages.get(top, ()):
            ours = f"{package}.{rest}" if rest else package
            if _exists(ours):
                return importlib.util.spec_from_loader(fullname, self, origin=ours)
        if top in self._packages:
            raise NoSuchModule(fullname, "")
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(str(spec.origin))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It has run already, under its own name, which it keeps.
        alias = module.__spec__
        if alias is not None:
            module.__spec__ = alias.loader_state


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # a parent of it is missing


def packages_of(system: str) -> Mapping[str, Sequence[str]]:
    """The packages of a system. Errors: `UnknownSystem`."""
    if system not in SYSTEMS:
        raise UnknownSystem(system, ", ".join(sorted(SYSTEMS)))
    return SYSTEMS[system]


def install(system: str) -> None:
    """Serve the names of a system from now on, here and in the processes that this one starts. Modules that were
    imported under these names are forgotten. Errors: `UnknownSystem`."""
    finder = Aliases(system)
    uninstall()
    _forget(packages_of(system))
    sys.meta_path.insert(0, finder)
    os.environ[VARIABLE] = system


def uninstall() -> None:
    """Serve no such names any more."""
    for finder in [one for one in sys.meta_path if isinstance(one, Aliases)]:
        sys.meta_path.remove(finder)
        _forget(packages_of(finder.system))
    chosen = os.environ.pop(VARIABLE, "")
    if chosen in SYSTEMS:
        _forget(packages_of(chosen))


def _forget(tops: Mapping[str, Sequence[str]]) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
        del sys.modules[name]


def install_as_told() -> None:
    """Serve what the environment says, if it says anything and it is not served yet."""
    system = os.environ.get(VARIABLE)
    if system and not any(isinstance(one, Aliases) and one.system == system for one in sys.meta_path):
        install(system)
