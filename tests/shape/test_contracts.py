"""The layers hold, and the contracts that say so keep up with the packages that exist."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.shape.tree import PACKAGE, ROOT

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# import-linter refuses modules that do not exist, so each contract lists those that do, and this table is the whole.
WHOLE = {
    "plug-ins": (("stores", "executors", "codecs", "telemetry"), ("engine", "machine")),
    "faces": (
        ("app", "workflow", "swarm", "pipeline"),
        ("engine.service", "engine.loop", "engine.dispatch", "engine.collect"),
    ),
    "doors": (("cli", "rest", "dashboard"), ("ports.store", "stores")),
}


def exists(module: str) -> bool:
    path = PACKAGE.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def existing(modules: tuple[str, ...]) -> list[str]:
    return [f"manyhands.{module}" for module in modules if exists(module)]


def test_contracts_are_kept() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.partition("Broken contracts\n")[2] or done.stdout + done.stderr


@pytest.mark.parametrize("name", WHOLE)
def test_contracts_name_every_module_that_exists(name: str) -> None:
    sources, forbidden = map(existing, WHOLE[name])
    if sources and forbidden:
        assert name in CONTRACTS, f"pyproject.toml needs the contract {name!r}: {sources} must not import {forbidden}"
        assert sorted(CONTRACTS[name]["source_modules"]) == sorted(sources)
        assert sorted(CONTRACTS[name]["forbidden_modules"]) == sorted(forbidden)


def test_only_layers_that_are_missing_are_optional() -> None:
    for line in CONTRACTS["layers"]["layers"]:
        for layer in line.split(" | "):
            assert layer.startswith("(") != exists(layer.strip("()")), f"{layer}: parentheses mean 'not there yet'"
