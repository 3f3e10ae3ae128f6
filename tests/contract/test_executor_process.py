"""The executor `process` keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.executors.process import ProcessExecutor
from manyhands.testing.executor_suite import CancelSuite, IsolatedExecutorSuite, MixedSuite


class TestProcess(CancelSuite, MixedSuite, IsolatedExecutorSuite):
    slots = 2

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Iterator[ProcessExecutor]:
        executor = ProcessExecutor(2, log_folder=tmp_path / "logs", echo=False, preload=())
        yield executor
        executor.close()
