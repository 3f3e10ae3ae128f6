"""Bad input: the class of each error, the cure in its text, and nothing written."""

import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import bootstrap, workflow
from manyhands.codecs.kit import Kit
from manyhands.engine.context import client
from manyhands.model import errors
from manyhands.model.outcomes import Forward
from tests.acceptance.kit import Place, count_up, noted, run_program, wait_for_file


@workflow.step
def add(left: Any, right: Any = 1) -> Any:
    return left + right


def refused(place: Place, call: Callable[[], Any], error: type[Exception], *words: str) -> Exception:
    """The call raises this very error, one of ours, with these words in its text, and writes nothing."""
    place.store.runs()
    before = place.rows()
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert isinstance(caught.value, manyhands.ManyhandsError)
    text = str(caught.value)
    assert [word for word in words if word not in text] == [], text
    assert place.rows() == before
    return caught.value


# --- names that nobody has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        (workflow.resume, errors.RunNotFound),
        (workflow.get_output, errors.RunNotFound),
        (workflow.get_metadata, errors.RunNotFound),
        (workflow.cancel, errors.RunNotFound),
        (workflow.get_status, workflow.WorkflowNotFoundError),
        (workflow.delete, workflow.WorkflowNotFoundError),
        (lambda run_id: workflow.fork(run_id, from_step="x"), errors.RunNotFound),
    ],
)
def test_an_unknown_run(place: Place, verb: Callable[[str], Any], error: type[Exception]) -> None:
    """The text says where to look for those that there are."""
    found = refused(place, lambda: verb("nobody"), error, "nobody", "manyhands runs list")
    assert isinstance(found, ValueError)


def test_an_unknown_step(place: Place) -> None:
    add.options(name="sum").step(1).run("known")
    words = ("No such step_id nobody in workflow known", "manyhands tasks list known")
    for verb in (
        lambda: workflow.get_metadata("known", name="nobody"),
        lambda: workflow.get_output("known", name="nobody").result(),
        lambda: workflow.fork("known", from_step="nobody"),
    ):
        assert isinstance(refused(place, verb, errors.TaskNotFound, *words), ValueError)


# --- an id in use --------------------------------------------------------------------------------------------------


def test_an_id_that_is_running(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    @workflow.step
    def wait() -> int:
        gate.with_suffix(".began").touch()
        wait_for_file(gate)
        return 1

    reference = wait.step().run_async("busy")
    wait_for_file(gate.with_suffix(".began"))
    for verb in (
        lambda: wait.step().run("busy"),
        lambda: wait.step().run("busy", metadata={"k": "v"}),
        lambda: wait.step().run_async("busy"),
        lambda: add.step(1).run("busy"),
        lambda: workflow.resume("busy"),
    ):
        refused(place, verb, errors.RunActive, "busy", "Wait for it, or cancel it")
    refused(place, lambda: workflow.delete("busy"), workflow.WorkflowRunningError, "busy", "cancel it first")
    gate.touch()
    assert reference.result(30) == 1
    assert workflow.get_metadata("busy")["user_metadata"] == {}


@pytest.mark.parametrize(
    "other",
    [
        lambda: add.step(1, 3),
        lambda: add.step(add.step(1, 1), 2),
        lambda: add.options(name="another").step(1, 2),
        lambda: add.step(1.0, 2),
        lambda: add.step("1", "2"),
    ],
)
def test_an_id_of_a_run_of_another_definition(place: Place, other: Callable[[], workflow.Workflow]) -> None:
    add.step(1, 2).run("done")
    words = ("'done'", "succeeded", "resume('done')", "choose another id", "delete('done')")
    found = refused(place, lambda: other().run("done"), errors.RunIdInUse, *words)
    assert isinstance(found, RuntimeError)
    assert add.step(1, 2).run("done") == 3


def test_an_id_of_a_failed_run_of_the_same_definition_goes_on(place: Place, tmp_path: Path) -> None:
    """Not bad input: the same again takes the run up where it failed."""
    tries = tmp_path / "tries"

    @workflow.step(max_retries=1)
    def second_time() -> int:
        if count_up(tries) == 1:
            raise ValueError("the first time")
        return 2

    with pytest.raises(workflow.WorkflowExecutionError):
        second_time.step().run("again")
    assert second_time.step().run("again") == 2
    assert len(noted(tries)) == 2


# --- metadata and options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ("text", ["must be a dict"]),
        ([("k", "v")], ["must be a dict"]),
        ({"good": 1, "bad": {1, 2}}, ["'bad'", "set is not JSON serializable"]),
        ({"bad": [{"deep": object()}]}, ["'bad'", "JSON serializable"]),
        ({7: "v"}, ["7", "must be text"]),
    ],
)
def test_metadata(place: Place, metadata: Any, words: list[str]) -> None:
    refused(place, lambda: add.options(metadata=metadata), errors.MetadataError, *words)
    refused(place, lambda: workflow.step(metadata=metadata), errors.MetadataError, *words)
    refused(place, lambda: add.step(1).run("meta", metadata=metadata), errors.MetadataError, *words)
    refused(place, lambda: add.step(1).run_async("meta", metadata=metadata), errors.MetadataError, *words)


def test_metadata_that_holds_itself(place: Place) -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    refused(place, lambda: add.step(1).run("loop", metadata=loop), errors.MetadataError, "'loop'")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_retries": 0}, ["max_retries should be greater or equal to 1"]),
        ({"max_retries": -1}, ["max_retries should be greater or equal to 1"]),
        ({"max_retries": 1.5}, ["max_retries"]),
        ({"max_retries": True}, ["max_retries"]),
        ({"retry_lost": 0}, ["retry_lost should be greater or equal to 1"]),
        ({"catch_exceptions": "yes"}, ["catch_exceptions should be None, True or False", "'yes'"]),
        ({"checkpoint": 1}, ["checkpoint should be None, True or False"]),
        ({"allow_inplace": "no"}, ["allow_inplace"]),
        ({"name": 7}, ["name must be text, not 7"]),
        ({"timeout": 0}, ["timeout", "above 0"]),
        ({"timeout": "soon"}, ["timeout", "'soon'"]),
        ({"timeout": 1.0, "allow_inplace": True}, ["allow_inplace", "timeout", "Drop one"]),
        ({"retry_delay": -1}, ["retry_delay", "at least 0"]),
        ({"retry_backoff": 0.5}, ["retry_backoff", "at least 1"]),
        ({"retry_jitter": 2}, ["retry_jitter", "from 0 to 1"]),
        ({"retry_on": "ValueError"}, ["retry_on", "exception type"]),
        ({"retry_on": (ValueError, 7)}, ["retry_on", "exception type"]),
        ({"retry_on": int}, ["retry_on", "exception type"]),
        ({"cache": 1}, ["cache should be"]),
        ({"cache_ttl": 0}, ["cache_ttl", "above 0"]),
        ({"num_cpus": -1}, ["num_cpus"]),
        ({"num_cpus": "two"}, ["num_cpus"]),
        ({"num_returns": 2}, ["one return"]),
        ({"max_retry": 3}, ["Unknown option 'max_retry'", "max_retries"]),
    ],
)
def test_options(place: Place, options: dict[str, Any], words: list[str]) -> None:
    refused(place, lambda: add.options(**options), errors.OptionError, *words)
    refused(place, lambda: workflow.step(**options), errors.OptionError, *words)


def test_what_is_decorated(place: Place) -> None:
    refused(place, lambda: workflow.step(7), errors.OptionError, "Invalid arguments for step decorator")
    refused(place, lambda: workflow.step(max_retries=3)(7), errors.OptionError, "decorates a function", "int")
    refused(place, lambda: workflow.step(len, "x"), errors.OptionError, "give options by name")


# --- graphs and calls ----------------------------------------------------------------------------------------------


class Ouroboros:
    """Stands for two steps that wait for each other; notations for graphs may let users write such."""

    def __manyhands_forward__(self, kit: Kit) -> Forward:
        head: Any = add.options(name="head").step(None).__manyhands_forward__(kit).specs[0]
        tail: Any = add.options(name="tail").step(None).__manyhands_forward__(kit).specs[0]
        head.upstreams, tail.upstreams = [1], [0]
        return Forward([head, tail], 0)


def test_a_cycle(place: Place) -> None:
    """Before a run is made; and where a step returns one, its step fails and names the steps."""
    specs = Ouroboros().__manyhands_forward__(client().engine.kit).specs
    start = client().start
    found = refused(
        place,
        lambda: start("cycle", specs, kind="workflow", metadata={}),
        errors.CycleError,
        "head",
        "tail",
        "Break it",
    )
    assert isinstance(found, ValueError)

    @workflow.step
    def bite() -> Any:
        return Ouroboros()

    with pytest.raises(workflow.WorkflowExecutionError, match="form a cycle"):
        bite.step().run("bitten")
    assert workflow.get_status("bitten") is workflow.FAILED


def test_a_step_called_directly(place: Place) -> None:
    found = refused(place, lambda: add(1, 2), errors.CallError, "add()", "add.step()", ".run()")
    assert isinstance(found, TypeError)


def test_arguments_that_do_not_fit(place: Place) -> None:
    refused(place, lambda: add.step(), errors.CallError, "missing a required argument: 'left'")
    refused(place, lambda: add.step(1, 2, 3), errors.CallError, "too many")


def test_arguments_that_cannot_be_pickled(place: Place) -> None:
    """The text names the step, the type and what can be done."""
    words = ("an argument of", "add", "lock", "__getstate__", "codec")
    for argument in (threading.Lock(), [1, {"deep": threading.Lock()}]):
        refused(
            place,
            lambda argument=argument: add.step(argument).run("lock"),
            errors.EncodingError,
            *words[:2],
            *words[3:],
        )
    refused(place, lambda: add.step(threading.Lock()).run_async("lock"), errors.EncodingError, *words)
    refused(place, lambda: add.step(add.step(1), threading.Lock()).run("lock"), errors.EncodingError, *words)


def test_a_function_that_cannot_be_pickled(place: Place) -> None:
    lock = threading.Lock()

    @workflow.step
    def locked() -> bool:
        return lock.locked()

    refused(place, lambda: locked.step().run("lock"), errors.EncodingError, "the step", "locked", "lock")


def test_a_result_that_cannot_be_pickled(place: Place) -> None:
    """The step fails of it; trying again would be of no use."""

    @workflow.step(name="lock")
    def give() -> Any:
        return threading.Lock()

    with pytest.raises(workflow.WorkflowExecutionError, match="cannot be saved") as caught:
        give.step().run("given")
    assert isinstance(caught.value.__cause__, errors.EncodingError)
    assert len(place.attempts("given", "lock")) == 1


class NoIdentity:
    """Instances of it have no stable identity."""


def test_arguments_that_cannot_be_fingerprinted(place: Place) -> None:
    cached = add.options(cache=True)
    words = ("NoIdentity", "__fingerprint__")
    refused(place, lambda: cached.step(NoIdentity()).run("cached"), errors.FingerprintError, *words)
    refused(place, lambda: cached.step(1, [NoIdentity()]).run("cached"), errors.FingerprintError, *words)
    refused(place, lambda: cached.cached(NoIdentity()), errors.FingerprintError, *words)
    refused(place, lambda: add.cached(1), errors.OptionError, "cache=True")


def test_a_list_of_steps_returned(place: Place) -> None:
    @workflow.step(name="many")
    def many() -> Any:
        return [add.step(1), add.step(2)]

    with pytest.raises(workflow.WorkflowExecutionError, match="not serializable") as caught:
        many.step().run("many")
    assert isinstance(caught.value.__cause__, ValueError)
    assert len(place.attempts("many", "many")) == 1


def test_without_pickle(place: Place) -> None:
    """`allow_pickle=False`: functions cannot be shipped, so a step says so at once."""
    place.use(allow_pickle=False)
    refused(place, lambda: add.step({1, 2}).run("plain"), errors.PickleForbidden, "allow_pickle", "set")


# --- stores --------------------------------------------------------------------------------------------------------


def unusable(url: str, error: type[Exception], *words: str) -> None:
    """The first use of a store that cannot be used."""
    bootstrap.current.close()
    try:
        workflow.init(url)
        with pytest.raises(error) as caught:
            add.step(1).run("x")
        assert isinstance(caught.value, manyhands.ManyhandsError)
        assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    finally:
        bootstrap.current.close()


def test_a_store_of_a_newer_version(place: Place) -> None:
    add.step(1).run("mine")
    bootstrap.current.close()
    with sqlite3.connect(place.path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    size = place.path.stat().st_size
    unusable(place.url, errors.StoreTooNew, "9999", "pip install -U manyhands")
    assert place.path.stat().st_size == size
    with sqlite3.connect(place.path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    place.use()
    assert workflow.get_output("mine").result() == 2


def test_a_store_path_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    unusable(f"sqlite:///{tmp_path}/folder.db", errors.StoreUnavailable, "folder.db", "folder")
    assert list((tmp_path / "folder.db").iterdir()) == []


def test_a_store_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    unusable(f"sqlite:///{tmp_path}/file/store.db", errors.StoreUnavailable, "file")


def test_a_store_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100, encoding="ascii")
    unusable(f"sqlite:///{path}", errors.StoreUnavailable, "letter.db")
    assert path.read_text(encoding="ascii").startswith("Dear Sir")


def test_a_store_path_that_cannot_be_written() -> None:
    """Not even by root: the folder of the kernel's own."""
    unusable("sqlite:////proc/nowhere/store.db", errors.StoreUnavailable, "/proc/nowhere")


def test_a_storage_that_is_no_text() -> None:
    with pytest.raises(TypeError, match="'storage' should be None or a str"):
        workflow.init(7)  # type: ignore[arg-type]


def test_a_setting_that_there_is_not() -> None:
    bootstrap.current.close()
    with pytest.raises(manyhands.UsageError, match="Did you mean processes"):
        workflow.init(proceses=2)
    with pytest.raises(manyhands.UsageError, match="whole number"):
        workflow.init(processes="many")


# --- values that cannot be read back -------------------------------------------------------------------------------


def test_a_value_that_cannot_be_unpickled(place: Place, tmp_path: Path) -> None:
    """Its class is gone: the error says what to do, the value is untouched, and reading works again with the class."""
    module = tmp_path / "vanishing.py"
    module.write_text("class Thing:\n    word = 'here'\n", encoding="utf-8")
    script = tmp_path / "make.py"
    script.write_text(
        "from manyhands import workflow\n"
        "import vanishing\n"
        "@workflow.step(name='thing')\n"
        "def thing():\n"
        "    return vanishing.Thing()\n"
        "if __name__ == '__main__':\n"
        "    thing.step().run('thing')\n",
        encoding="utf-8",
    )
    run_program(script, place=place)
    found = refused(
        place,
        lambda: workflow.get_output("thing").result(),
        errors.DecodingError,
        "thing",
        "No module named 'vanishing'",
        "importable",
        "untouched",
    )
    assert isinstance(found, ValueError)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        assert workflow.get_output("thing").result().word == "here"
        patch.delitem(sys.modules, "vanishing")


def test_an_input_that_cannot_be_unpickled(place: Place) -> None:
    """The step that reads it fails, once, and says which input it was."""

    class Trap:
        def __reduce__(self) -> Any:
            return eval, ("1 / 0",)

    @workflow.step(name="trap")
    def give() -> Any:
        return Trap()

    @workflow.step(name="taker")
    def take(value: Any) -> Any:
        return value

    with pytest.raises(workflow.WorkflowExecutionError, match="ZeroDivisionError") as caught:
        take.step(give.step()).run("trapped")
    assert isinstance(caught.value.__cause__, errors.DecodingError)
    assert "taker" in str(caught.value)
    assert len(place.attempts("trapped", "taker")) == 1


def test_a_blob_that_is_gone(place: Place) -> None:
    """A large value whose file was removed: the text says what cannot be read, and what looks for more."""

    @workflow.step(name="large")
    def large() -> bytes:
        return bytes(100_000)

    large.step().run("large")
    result = place.store.result(place.run("large").key, 0)
    assert result is not None
    assert result.blob is not None
    (blob,) = [path for path in place.folder.rglob("*") if path.is_file() and path.name.endswith(result.blob[4:])]
    data = blob.read_bytes()
    blob.unlink()
    refused(place, lambda: workflow.get_output("large").result(), errors.StoreCorrupt, "manyhands store check")
    assert len(place.findings()) == 1
    blob.write_bytes(data)
