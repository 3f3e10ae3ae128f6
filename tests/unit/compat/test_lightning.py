"""The names of Lightning apps."""

import importlib
import logging
import pathlib
from collections.abc import Iterator
from types import ModuleType

import pytest

import manyhands.compat.lightning
import manyhands.compat.lightning.app
from manyhands.app import App, Dict, Drive, Flow, List, Path, Payload, Work, WorkStageStatus, WorkStatus
from manyhands.app.api import commands_of, routes_of
from manyhands.compat import alias
from manyhands.compat.errors import NotCovered
from manyhands.compat.lightning.app.api import Delete, Get, Post, Put
from manyhands.compat.lightning.app.testing import EmptyFlow, EmptyWork, LightningTestApp
from manyhands.compat.lightning.app.utilities.app_commands import SetupFailed, run_app_commands
from manyhands.compat.lightning.app.utilities.app_helpers import Logger
from manyhands.compat.lightning.app.utilities.cloud import is_running_in_cloud
from manyhands.compat.lightning.app.utilities.commands import ClientCommand
from manyhands.compat.lightning.app.utilities.exceptions import LightningWorkException
from manyhands.compat.lightning.app.utilities.network import find_free_network_port
from manyhands.compat.lightning.app.utilities.packaging.unused import say_unused
from manyhands.compat.table import entries

OURS = "manyhands.compat.lightning"
PARTS = (
    "api", "api.http_methods", "core", "core.app", "core.flow", "core.work", "frontend", "frontend.frontend",
    "frontend.just_py", "frontend.panel", "frontend.stream_lit", "frontend.web", "plugin", "runners", "storage",
    "storage.drive", "storage.mount", "storage.path", "storage.payload", "structures", "structures.dict",
    "structures.list", "testing", "testing.helpers", "testing.testing", "utilities", "utilities.app_commands",
    "utilities.app_helpers", "utilities.app_status", "utilities.cloud", "utilities.commands", "utilities.enum",
    "utilities.exceptions", "utilities.frontend", "utilities.load_app", "utilities.network", "utilities.packaging",
    "utilities.packaging.build_config", "utilities.packaging.cloud_compute", "utilities.state",
)  # fmt: skip


@pytest.fixture
def served() -> Iterator[ModuleType]:
    """`lightning`, as a program gets it."""
    alias.install("lightning")
    yield importlib.import_module("lightning")
    alias.uninstall()


def test_one_module_has_all_its_names(served: ModuleType) -> None:
    assert served is manyhands.compat.lightning
    assert importlib.import_module("lightning_app") is importlib.import_module("lightning.app") is served.app
    for name in PARTS:
        theirs = importlib.import_module(f"lightning.app.{name}")
        assert theirs is importlib.import_module(f"lightning_app.{name}")
        assert theirs.__name__ == f"{OURS}.app.{name}"


def test_the_names_are_ours(served: ModuleType) -> None:
    assert issubclass(served.LightningApp, App)
    assert issubclass(served.LightningFlow, Flow)
    assert issubclass(served.LightningWork, Work)
    app = served.app
    assert (app.structures.List, app.structures.Dict) == (List, Dict)
    assert (app.storage.Path, app.storage.Drive, app.storage.Payload) == (Path, Drive, Payload)
    assert (app.utilities.enum.WorkStageStatus, app.utilities.app_status.WorkStatus) == (WorkStageStatus, WorkStatus)
    assert app.LightningApp(EmptyFlow(), debug=True).log_level == "debug"


def test_every_public_class_is_in_the_table() -> None:
    told = " ".join(entry.original for _, _, entry in entries("lightning"))
    modules = [importlib.import_module(f"{OURS}.app.{name}") for name in PARTS]
    names = {name for module in modules for name in getattr(module, "__all__", ()) if callable(getattr(module, name))}
    names |= {name for name in manyhands.compat.lightning.__all__ if name.startswith("Lightning")}
    assert {"LightningApp", "Post", "StaticWebFrontend", "make_status"} < names
    assert [name for name in sorted(names) if name not in told] == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("", "LightningPlugin"),
        ("frontend", "StreamlitFrontend"),
        ("frontend", "PanelFrontend"),
        ("frontend", "JustPyFrontend"),
        ("frontend", "AppStateWatcher"),
        ("storage", "FileSystem"),
        ("storage", "StorageOrchestrator"),
        ("runners", "CloudRuntime"),
        ("utilities.state", "AppState"),
    ],
)
def test_what_is_not_covered_says_so_when_it_is_used(module: str, name: str) -> None:
    absent = getattr(importlib.import_module(f"{OURS}.app.{module}".rstrip(".")), name)

    class Below(absent):  # type: ignore[misc]
        pass

    for kind in (absent, Below):
        with pytest.raises(NotCovered, match=rf"{name} is not covered here\. .*\. `manyhands compat list`"):
            kind(render_fn=print)


def test_what_is_not_there_at_all_says_so_too(served: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"lightning\.Trainer is not covered here.*pytorch_lightning"):
        _ = served.Trainer
    with pytest.raises(ModuleNotFoundError, match=r"lightning\.app\.components is not covered"):
        importlib.import_module("lightning.app.components")
    cloud = served.app.runners.RuntimeType("cloud")
    with pytest.raises(NotCovered, match="on this machine"):
        cloud.get_runtime()
    with pytest.raises(NotCovered, match="next call"):
        LightningTestApp(EmptyFlow()).restart_work("root.work")


def test_what_is_for_the_cloud_is_kept_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    say_unused.cache_clear()
    lightning = manyhands.compat.lightning
    with caplog.at_level(logging.INFO, logger="manyhands.app"):
        computes = [lightning.CloudCompute("GPU", disk_size=80), lightning.CloudCompute()]
        builds = [lightning.BuildConfig(requirements=["torch"]), lightning.BuildConfig(image="base")]
        work = EmptyWork(cloud_compute=computes[0], local_build_config=builds[0])
    ours = [record.getMessage().partition(" does ")[0] for record in caplog.records if record.name == "manyhands.app"]
    assert ours == ["`CloudCompute`", "`BuildConfig`"]
    assert (work.cloud_compute, work.local_build_config) == (computes[0], builds[0])
    assert (computes[0].name, computes[1].is_default(), builds[1].build_commands()) == ("gpu", True, [])


def test_small_things_that_programs_use(caplog: pytest.LogCaptureFixture) -> None:
    assert not is_running_in_cloud()
    assert 0 < find_free_network_port() < 65536
    with caplog.at_level(logging.INFO, logger="theirs"):
        Logger("theirs").info("%s hello", "a")
        Logger("theirs").warn("careful")
    assert [record.getMessage() for record in caplog.records] == ["a hello", "careful"]
    for component in (EmptyFlow(), EmptyWork()):
        component.lightningignore = ["*.bin"]
        assert component.lightningignore == ("*.bin",)
        assert "lightningignore" not in component.state["vars"]


def test_errors_call_things_by_the_names_of_the_program() -> None:
    work, flow = manyhands.compat.lightning.LightningWork, manyhands.compat.lightning.LightningFlow
    with pytest.raises(TypeError, match="The work `LightningWork` is missing"):
        work()

    class Parent(EmptyWork):
        def __init__(self) -> None:
            super().__init__()
            self.child = flow()

    with pytest.raises(LightningWorkException, match=r"`Parent\.child` is a `LightningFlow`"):
        Parent()


class Hello(ClientCommand):
    def run(self, **arguments: object) -> None:
        self.invoke_handler()


class Commanded(EmptyFlow):
    def greet(self, name: str) -> str:
        """Say hello."""
        return f"hello {name}"

    def configure_commands(self) -> list[dict[str, object]]:
        return [{"greet": Hello(self.greet)}]


def test_a_command_with_a_part_for_the_other_side_is_one_without() -> None:
    flow = Commanded()
    (command,) = commands_of(flow).values()
    assert command.method(name="Ann") == Hello(flow.greet)(name="Ann") == "hello Ann"
    assert Hello(flow.greet).description == "Say hello."
    with pytest.raises(NotCovered, match="POST to `/command/NAME`"):
        Hello(flow.greet).run()


class Routed(EmptyFlow):
    def configure_api(self) -> list[object]:
        kinds = (Get, Post, Put, Delete)
        return [kind("/it", self.run, timeout=5, tags=["mine"]) for kind in kinds]


def test_routes_carry_what_is_said_beside() -> None:
    routes = routes_of(Routed())
    assert [(one.verb, one.path, one.timeout, one.options) for one in routes] == [
        (verb, "/it", 5, {"tags": ["mine"]}) for verb in ("GET", "POST", "PUT", "DELETE")
    ]


def test_a_command_of_a_file_that_fails_is_told(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(f"# !touch {tmp_path}/first\n# !exit 3\n# !touch {tmp_path}/second\n")
    with pytest.raises(SetupFailed, match=r"`exit 3` of .*, line 2, has ended with the exit code 3"):
        run_app_commands(str(file))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "first"]
