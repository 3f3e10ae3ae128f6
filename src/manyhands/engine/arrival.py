"""The step that stands in a run for a result from elsewhere: it waits for a reference at no worker's cost."""

from __future__ import annotations

from typing import Any

from manyhands.codecs.code import Body, Named
from manyhands.codecs.kit import Kit
from manyhands.engine.beside import in_thread
from manyhands.model.errors import ExecutionError
from manyhands.model.specs import REFERENCE, TaskOptions, TaskSpec

LABEL = "workflow.reference"

OPTIONS = TaskOptions(executor="async", attempts=1)


def spec_of(reference: Any, kit: Kit) -> TaskSpec:
    """A task whose result is what the reference refers to; it is saved with the run that it is part of."""
    inputs = kit.calls.encode(([reference],), {}, lambda _: None, f"an argument of {LABEL}")
    return TaskSpec(LABEL, LABEL, save(kit), inputs, options=OPTIONS, kind=REFERENCE)


def save(kit: Kit) -> str:
    """The content hash of its body, saved in this store."""
    return kit.code.save(Body(Named(arrive)), LABEL)


async def arrive(references: list[Any]) -> Any:
    """The body. The one reference comes in a list, as a bare one would have been replaced by its value. What a step
    raised there is raised here, as if that step were one of this run."""
    try:
        return await in_thread(lambda go_on: references[0].result(on_turn=go_on), "reference")
    except ExecutionError as error:
        cause = error.__cause__
        if cause is None:
            raise
        cause.add_note(f"It comes from step {error.args[1]} of run {error.args[0]}.")
        raise cause from None
