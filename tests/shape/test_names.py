"""The public names are those of `public_names.toml`, and a change of them is made there on purpose."""

import tomllib
import types

import manyhands
from tests.shape.tree import ROOT, import_everything

FROZEN: dict[str, list[str]] = tomllib.loads((ROOT / "tests/shape/public_names.toml").read_text())
MAX_ROOT_NAMES = 10


def packages() -> dict[str, types.ModuleType]:
    """The packages that say which of their names are public."""
    found = {module.__name__: module for module in import_everything()}
    return {name: module for name, module in found.items() if hasattr(module, "__path__") and names(module)}


def names(module: types.ModuleType) -> list[str]:
    return sorted(getattr(module, "__all__", ()))


def test_names_are_frozen() -> None:
    found = {name: names(module) for name, module in packages().items()}
    lines = [f'"{name}" = {public!r}' for name, public in sorted(found.items()) if FROZEN.get(name) != public]
    assert lines == [], "if these are meant, put them into public_names.toml"
    assert sorted(found) == sorted(FROZEN), "public_names.toml names packages that have no public names"


def test_names_exist() -> None:
    missing = [f"{package}.{name}" for package, m in packages().items() for name in names(m) if not hasattr(m, name)]
    assert missing == []


def test_the_root_stays_small() -> None:
    assert len(names(manyhands)) < MAX_ROOT_NAMES
