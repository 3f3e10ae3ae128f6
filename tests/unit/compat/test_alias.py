"""Our modules under the names of others."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyhands.compat.ray
import manyhands.compat.ray2
from manyhands.compat import alias
from manyhands.compat.errors import NotCovered


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    alias.uninstall()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another package of the name, as if it were installed."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("theirs = True\n")
    (tmp_path / "ray" / "tune.py").write_text("theirs = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_one_module_has_both_names() -> None:
    alias.install("ray")
    ray = importlib.import_module("ray")
    assert ray is manyhands.compat.ray
    assert ray.__name__ == ray.__spec__.name == "manyhands.compat.ray"
    workflow = importlib.import_module("ray.workflow")
    assert workflow is manyhands.compat.ray.workflow is ray.workflow
    listener = importlib.import_module("ray.workflow.event_listener")
    assert listener.TimerListener is importlib.import_module("manyhands.workflow").TimerListener
    modules = ("common", "exceptions", "api", "event_listener", "virtual_actor_class")
    graphs = ("dag", "dag.input_node", "experimental.dag.input_node", "experimental.dag")
    for name in ("exceptions", *graphs, *(f"workflow.{module}" for module in modules)):
        assert importlib.import_module(f"ray.{name}").__name__ == f"manyhands.compat.ray.{name}"


def test_submodules_are_at_hand_without_an_import() -> None:
    alias.install("ray")
    older = importlib.import_module("ray")
    assert older.workflow.virtual_actor_class.VirtualActorNotInitializedError
    assert older.workflow.event_listener.TimerListener
    alias.install("ray2")
    newer = importlib.import_module("ray")
    assert newer.workflow.exceptions.WorkflowNotFoundError is older.workflow.exceptions.WorkflowNotFoundError
    assert newer.workflow.event_listener is older.workflow.event_listener
    assert newer.dag.DAGNode is older.dag.DAGNode
    assert importlib.import_module("ray.experimental.dag").InputNode is newer.dag.InputNode


def test_told_twice_is_as_told_once() -> None:
    alias.install("ray")
    ray = importlib.import_module("ray")
    alias.install_as_told()
    assert sys.modules["ray"] is ray
    alias.uninstall()
    os.environ[alias.VARIABLE] = "ray2"
    alias.install_as_told()
    assert importlib.import_module("ray") is manyhands.compat.ray2


def test_the_newer_names_fall_back_on_the_older() -> None:
    alias.install("ray2")
    assert importlib.import_module("ray") is manyhands.compat.ray2
    assert importlib.import_module("ray.workflow") is manyhands.compat.ray2.workflow
    assert importlib.import_module("ray.workflow.api").get_output is manyhands.compat.ray2.workflow.get_output
    assert importlib.import_module("ray.workflow.common").__name__ == "manyhands.compat.ray.workflow.common"
    assert importlib.import_module("ray.exceptions") is manyhands.compat.ray.exceptions


def test_ours_win_while_they_are_asked_for(installed: Path) -> None:
    assert importlib.import_module("ray").theirs
    alias.install("ray")
    assert importlib.import_module("ray") is manyhands.compat.ray
    with pytest.raises(ImportError, match=r"ray\.tune is not covered"):
        importlib.import_module("ray.tune")
    alias.uninstall()
    assert importlib.import_module("ray").theirs
    for name in ("ray", "ray.tune"):
        sys.modules.pop(name, None)


def test_processes_that_are_started_hear_of_it() -> None:
    alias.install("ray")
    assert os.environ[alias.VARIABLE] == "ray"
    alias.uninstall()
    assert alias.VARIABLE not in os.environ
    alias.install_as_told()
    assert not any(isinstance(one, alias.Aliases) for one in sys.meta_path)


def test_one_system_at_a_time() -> None:
    alias.install("ray")
    alias.install("ray2")
    assert importlib.import_module("ray") is manyhands.compat.ray2
    assert sum(isinstance(one, alias.Aliases) for one in sys.meta_path) == 1


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'rey' is none of the systems.*ray, ray2"):
        alias.install("rey")
    assert alias.VARIABLE not in os.environ


@pytest.mark.parametrize("module", [manyhands.compat.ray, manyhands.compat.ray2, manyhands.compat.ray.workflow])
def test_what_is_not_covered_says_so(module: object) -> None:
    with pytest.raises(NotCovered, match=r"\.nonsense is not covered here.*manyhands compat list") as caught:
        module.nonsense  # type: ignore[attr-defined]
    assert isinstance(caught.value, AttributeError)
    assert not hasattr(module, "nonsense")
    assert not hasattr(module, "__wrapped__")
