"""Names of steps as people type them: whole, or the end of one."""

from __future__ import annotations

from difflib import get_close_matches

from manyhands.engine import phrases
from manyhands.engine.inspect import Inspect
from manyhands.model.errors import TaskNotFound

FAR = 10_000
"""Steps: of a larger run the end of a name is looked for among the first so many."""

NEAR = 5


class NoSuchStep(TaskNotFound):
    """The run has no step of this name, or several: `NoSuchStep(run_id, name, what there is)`."""

    text = "No such step_id {1} in workflow {0}.{2} `manyhands tasks list {0}` shows its steps."


def step(inspect: Inspect, run: str, given: str) -> str:
    """The name of the step that is meant: the one given, or the only one that ends so behind a dot.

    Errors: `RunNotFound`, `NoSuchStep`.
    """
    try:
        return inspect.task(run, given).name
    except TaskNotFound:
        names = [view.name for view in inspect.tasks(run, limit=FAR)]
    ending = [name for name in names if name.endswith(f".{given}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise NoSuchStep(run, given, f" These end so: {phrases.some(ending, NEAR)}.")
    tails = {name.rpartition(".")[2]: name for name in names}
    near = [tails[tail] for tail in get_close_matches(given.rpartition(".")[2], tails, NEAR)]
    raise NoSuchStep(run, given, f" Near it: {phrases.some(near, NEAR)}." if near else "")
