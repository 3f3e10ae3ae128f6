"""Programs and tests that were written for another system run as they are."""

from pathlib import Path

import pytest

from manyhands import workflow
from manyhands.compat.table import entries
from tests.acceptance.compat.kit import call
from tests.acceptance.kit import Place

SEED = Path(__file__).parents[1] / "seeds" / "metadata_ray.py"

SCRIPT = """
import sys

import ray
from ray import workflow
from ray.workflow.common import WorkflowStatus

from beside import offset


@ray.remote
def add(left, right):
    # Imported in the worker, too.
    import ray as again
    from ray.workflow import get_status

    assert again.is_initialized()
    return left + right + offset()


@workflow.step
def double(number):
    return 2 * number


if __name__ == "__main__":
    ray.init(num_cpus=2)
    assert workflow.run(add.bind(1, add.bind(2, 3)), workflow_id="sum") == 8
    assert double.step(add.remote(1, 2)).run("double") == 8
    assert workflow.get_status("sum") is WorkflowStatus.SUCCESSFUL
    print(sys.argv, __name__, __file__)
    ray.shutdown()
    sys.exit(int(sys.argv[-1]))
"""

BESIDE = """
import ray


def offset():
    return 1
"""

TESTS = """
import pytest
import ray
from ray import workflow


@pytest.fixture(scope="module", autouse=True)
def _started(tmp_path_factory):
    ray.init(num_cpus=2, storage=str(tmp_path_factory.mktemp("storage")))
    workflow.init()
    yield
    ray.shutdown()


@workflow.step
def fails():
    raise KeyError("no")


@ray.remote
def square(number):
    return number**2


def test_a_value():
    assert ray.get([square.remote(number) for number in range(4)]) == [0, 1, 4, 9]


def test_an_error():
    with pytest.raises(ray.exceptions.RaySystemError):
        fails.step().run("fails")
    assert workflow.get_status("fails") == workflow.FAILED
    assert [status for _, status in workflow.list_all()] == [workflow.FAILED]
"""


@pytest.fixture
def program(place: Place) -> Path:
    folder = place.folder / "code"
    folder.mkdir()
    (folder / "beside.py").write_text(BESIDE)
    path = folder / "program.py"
    path.write_text(SCRIPT)
    return path


def test_a_script_by_the_command_line(place: Place, program: Path) -> None:
    """What stands behind the file is the program's, its exit code is the command's, and its runs are in the store."""
    words = ("--store", place.url, "run", "script", "--as", "ray", program, "--json", "-x", 7)
    output = call(place, "-m", "manyhands", *words, expect=7, MANYHANDS_STORE="sqlite:///elsewhere.db")
    assert f"['{program}', '--json', '-x', '7'] __main__ {program}" in output
    assert workflow.list_all() == [("sum", workflow.SUCCESSFUL), ("double", workflow.SUCCESSFUL)]


def test_a_script_by_the_module(place: Place, program: Path) -> None:
    assert "__main__" in call(place, "-m", "manyhands.compat", "ray", program, 0)
    assert workflow.get_output("sum").result() == 8


def test_ours_win_under_the_command_only(place: Place, program: Path) -> None:
    """Also in the workers, where the program's module is imported anew."""
    installed = place.folder / "site"
    call(place, "-m", "manyhands.compat", "ray", program, 0, installed=installed)
    output = call(place, program, 0, expect=1, PYTHONPATH=str(installed))
    assert "this is the real one" in output


def test_a_test_file_by_the_module(place: Place) -> None:
    (place.folder / "test_theirs.py").write_text(TESTS)
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py")
    output = call(place, "-m", "manyhands.compat", "ray", *words, installed=place.folder / "site")
    assert "2 passed" in output


def test_test_files_in_processes_of_pytest(place: Place) -> None:
    """pytest-xdist starts interpreters of its own; what was to be loaded there before is loaded, too."""
    (place.folder / "test_theirs.py").write_text(TESTS)
    (place.folder / "beforehand.py").write_text("import os\n\nos.environ['BEFOREHAND'] = 'yes'\n")
    (place.folder / "test_others.py").write_text(
        "import os\nimport ray\n\n"
        "def test_it(worker_id):\n"
        "    assert (worker_id[:2], os.environ['BEFOREHAND']) == ('gw', 'yes')\n"
        "    assert ray.workflow.step\n"
    )
    words = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-n", 2)
    more = {"PYTEST_PLUGINS": "beforehand", "PYTHONPATH": str(place.folder)}
    output = call(place, "-m", "manyhands.compat", "ray", *words, **more)
    assert "3 passed" in output


def test_the_newer_names(place: Place) -> None:
    path = place.folder / "newer.py"
    path.write_text(
        "import ray\n"
        "from ray import workflow\n"
        "from ray.workflow.exceptions import WorkflowError\n"
        "assert not hasattr(workflow, 'step')\n"
        "@ray.remote\n"
        "def double(number):\n"
        "    return 2 * number\n"
        "assert workflow.run(double.options(**workflow.options(task_id='t')).bind(2), workflow_id='w') == 4\n"
        "assert workflow.get_output('w') == workflow.get_output('w', task_id='t') == workflow.resume('w') == 4\n"
        "assert workflow.get_metadata('w', 't')['task_options']['task_type'] == 'FUNCTION'\n"
    )
    call(place, "-m", "manyhands", "run", "script", "--as", "ray2", path)


def test_the_seed_document(place: Place) -> None:
    """The programs of the document on metadata under the names they were written with."""
    output = call(place, "-m", "manyhands", "run", "script", "--as", "ray", SEED)
    assert "Traceback" not in output
    assert dict(workflow.list_all()) == {
        "add_example": workflow.SUCCESSFUL,
        "add_example_2": workflow.SUCCESSFUL,
        "add_example_3": workflow.SUCCESSFUL,
        "counter": workflow.SUCCESSFUL,
        "simple": workflow.CANCELED,
        "simple_2": workflow.SUCCESSFUL,
        "vid": workflow.SUCCESSFUL,
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("ray",), "usage:"),
        (("ray", "-m"), "usage:"),
        ((), "usage:"),
        (("rey", "x.py"), "'rey' is none of the systems"),
        (("ray", "nowhere.py"), "nowhere.py cannot be read"),
    ],
)
def test_wrong_usage(place: Place, words: tuple[str, ...], text: str) -> None:
    assert text in call(place, "-m", "manyhands.compat", *words, expect=2)


def test_an_unknown_system_on_the_command_line(place: Place) -> None:
    output = call(place, "-m", "manyhands", "run", "script", "--as", "rey", "x.py", expect=2)
    assert "'rey' is none of the systems whose names we have: " in output
    assert "Missing option" in call(place, "-m", "manyhands", "run", "script", "x.py", expect=2)


def test_an_error_of_the_program_is_its_own(place: Place) -> None:
    (place.folder / "broken.py").write_text("import ray\nray.get(3)\n")
    output = call(place, "-m", "manyhands.compat", "ray", "broken.py", expect=1)
    assert 'File "broken.py", line 2' in output
    assert "Attempting to call `get` on the value 3" in output


def test_the_list(place: Place) -> None:
    output = call(place, "-m", "manyhands", "compat", "list", COLUMNS="500")
    for _, _, entry in entries():
        assert entry.state in output
    assert "workflow.resume_all" in output
    listed = call(place, "-m", "manyhands", "compat", "list", "--json", "ray2")
    assert '"system":"ray2"' in listed
    assert '"system":"ray"' not in listed
