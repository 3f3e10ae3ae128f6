"""The executor `async` keeps the contract."""

from collections.abc import Iterator

import pytest

from manyhands.executors.coroutines import CoroutineExecutor
from manyhands.testing.executor_suite import ExecutorSuite


class TestCoroutines(ExecutorSuite):
    """The entries of the suite have no coroutine form; tests/unit/executors/test_coroutines.py has some that do."""

    @pytest.fixture
    def executor(self) -> Iterator[CoroutineExecutor]:
        executor = CoroutineExecutor(settings={"a": 1})
        yield executor
        executor.close()
