"""`ray.remote`: options in its words, and errors of its types. Nothing runs here."""

import pickle
from typing import Any

import cloudpickle
import pytest

from manyhands.compat import ray
from manyhands.compat.ray import exceptions
from manyhands.compat.ray.bodies import Alone, Referring
from manyhands.compat.ray.remote_function import ENDLESS, RemoteFunction


@ray.remote
def plain(a: int, b: int = 2) -> int:
    return a + b


def retries(function: RemoteFunction) -> tuple[int, int]:
    """Attempts for errors, and for lost workers."""
    return function.task_options.attempts, function.task_options.lost_attempts


def test_retries_are_for_lost_workers_unless_exceptions_are_named() -> None:
    assert retries(plain) == (1, 4)
    assert retries(plain.options(max_retries=0)) == (1, 1)
    assert retries(plain.options(max_retries=5)) == (1, 6)
    assert retries(plain.options(max_retries=-1)) == (1, ENDLESS)
    assert retries(plain.options(retry_exceptions=True)) == (4, 4)
    assert retries(plain.options(max_retries=10, retry_exceptions=True)) == (11, 11)
    assert retries(plain.options(retry_exceptions=True).options(max_retries=10)) == (11, 11)
    assert retries(plain.options(max_retries=10, retry_exceptions=True).options(retry_exceptions=False)) == (1, 11)
    assert retries(plain.options(**ray.workflow.options(max_retries=2))) == (2, 4)


def test_named_exceptions_only_are_retried() -> None:
    retry_on = plain.options(retry_exceptions=[KeyError, OSError]).settings.predicate()
    assert retry_on is not None
    assert [retry_on(error) for error in (KeyError(), FileNotFoundError(), ValueError())] == [True, True, False]


@pytest.mark.parametrize("wrong", [{"max_retries": -2}, {"max_retries": 1.5}, {"max_retries": True}, {"nonsense": 1}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"max_retries|nonsense"):
        plain.options(**wrong)
    with pytest.raises(ValueError, match=r"max_retries|nonsense"):
        ray.remote(**wrong)


def test_resources_are_kept_and_options_merged() -> None:
    changed = ray.remote(num_cpus=2, num_gpus=1)(lambda: None).options(num_gpus=0)
    assert changed.settings.ray_options == {"num_cpus": 2, "num_gpus": 0}


def test_wrong_uses_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Instead of running 'plain\(\)', try 'plain.remote\(\)'"):
        plain(1)
    with pytest.raises(TypeError, match="too many positional arguments"):
        plain.remote(1, 2, 3)
    with pytest.raises(TypeError, match="missing a required argument"):
        plain.bind()
    with pytest.raises(TypeError, match="function or a class"):
        ray.remote(3)
    with pytest.raises(NotImplementedError, match="num_returns"):
        plain.options(num_returns=2)


def test_a_class_may_be_defined_but_not_used() -> None:
    @ray.remote(num_cpus=1)
    class Counter:
        """Counts."""

    assert Counter.__doc__ == "Counts."
    with pytest.raises(NotImplementedError, match=r"on a class .*Counter.* is not covered here.*virtual_actor"):
        Counter.remote()
    with pytest.raises(NotImplementedError):
        Counter.options(name="x")


def test_a_remote_function_travels_by_name() -> None:
    assert pickle.loads(pickle.dumps(plain)) is plain


def test_an_error_is_of_both_types() -> None:
    error = exceptions.of("f", "KeyError: 'x'", KeyError("x"))
    assert isinstance(error, KeyError)
    assert isinstance(error, exceptions.RayTaskError)
    assert isinstance(error, exceptions.RayError)
    assert not isinstance(error, exceptions.RaySystemError)
    assert isinstance(error.__cause__, KeyError)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy).__mro__[1:] == type(error).__mro__[1:]
    assert (
        (str(copy), copy.args) == (str(error), error.args) == ("The remote function f raised KeyError: 'x'", error.args)
    )
    assert copy.__cause__.args == ("x",)


class Unwilling(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)

    def __init_subclass__(cls) -> None:
        raise TypeError("no subclasses")


def test_an_error_that_cannot_be_both_is_a_task_error() -> None:
    for cause in (Unwilling(1, 2), KeyboardInterrupt()):
        error = exceptions.of("f", "it", cause)
        assert type(error) is exceptions.RayTaskError
        assert error.__cause__ is cause


def doubled(number: int, *, by: int = 2) -> int:
    return by * number


def test_the_code_of_a_function_travels_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a step's does, so that a resume uses that which the run was made with; also when its module can be had."""
    for body in (Referring, Alone):
        data = cloudpickle.dumps(body(doubled))
        with monkeypatch.context() as patch:
            patch.setitem(globals(), "doubled", None)
            assert pickle.loads(data)(4) == 8
            assert type(pickle.loads(data)) is body
