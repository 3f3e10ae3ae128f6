"""Placement: whether there is an executor that can run a task at all, told before it is waited for in vain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from manyhands.model.errors import OptionError
from manyhands.model.specs import TaskSpec
from manyhands.ports.executor import Executor


class Placement:
    """The executors of one engine, as what a task may ask for."""

    def __init__(self, executors: Mapping[str, Executor]) -> None:
        self._executors = executors

    def check(self, specs: Iterable[TaskSpec]) -> None:
        """Errors: `OptionError` for a task that no executor here could ever start."""
        for spec in specs:
            options = spec.options
            executor = self._executors.get(options.executor)
            if executor is None:
                known = ", ".join(self._executors)
                raise OptionError(f"{spec.label}: there is no executor '{options.executor}'; there are {known}.")
            if options.slots > executor.slots:
                raise OptionError(
                    f"{spec.label} asks for {options.slots} CPUs, but executor '{options.executor}' has "
                    f"{executor.slots}: ask for fewer (`num_cpus=`), or `init(processes={options.slots})`."
                )
