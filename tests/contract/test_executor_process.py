"""The executor `process` keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.executors.process import ProcessExecutor
from manyhands.testing.executor_faults import CancelSuite, MixedSuite, OutputSuite
from manyhands.testing.executor_suite import IsolatedExecutorSuite


class TestProcess(CancelSuite, OutputSuite, MixedSuite, IsolatedExecutorSuite):
    slots = 2

    @pytest.fixture
    def log_folder(self, tmp_path: Path) -> Path:
        return tmp_path / "logs"

    @pytest.fixture
    def executor(self, log_folder: Path) -> Iterator[ProcessExecutor]:
        executor = ProcessExecutor(2, log_folder=log_folder, echo=False, preload=())
        yield executor
        executor.close()
