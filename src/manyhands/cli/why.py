"""`manyhands why`: the reasons behind a status."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from manyhands.cli import names
from manyhands.cli.door import Door, Run
from manyhands.cli.tasks import complete_task
from manyhands.engine.why import explain


def why(
    door: Door,
    run: Run,
    task: Annotated[
        str | None,
        typer.Argument(metavar="STEP", help="A step of the run; else the run itself.", autocompletion=complete_task),
    ] = None,
) -> None:
    """Explain why a run or a step is as it is: why it ran, did not run, waits, failed, or ran again."""
    if task is not None:
        task = names.step(door.inspect, run, task)
    explanation = explain(door.inspect, run, task)
    if door.as_json:
        door.emit(explanation)
        return
    door.out.print(Text(explanation.summary, style="bold"), soft_wrap=True)
    for line in explanation.lines()[1:]:
        door.out.print(Text(line, style="" if line.startswith(" ") else "cyan"), soft_wrap=True)
