"""Running a graph of steps."""

from __future__ import annotations

from typing import Any

from manyhands.engine.context import client
from manyhands.engine.handle import Reference
from manyhands.engine.running import wait_for, waiting_here
from manyhands.model.kinds import WORKFLOW
from manyhands.workflow.graph import Node, output_of, plan
from manyhands.workflow.options import check_id, check_metadata
from manyhands.workflow.watching import watched


class Workflow(Node):
    """A call of a step that can be run. The same object may be run several times under different ids."""

    __slots__ = ()

    def run(
        self, workflow_id: str | None = None, metadata: dict[str, Any] | None = None, *, progress: bool = False
    ) -> Any:
        """Run it and return its result; nothing that a run of this id has already done is done again.

        `workflow_id`: any text; a new one is made when there is none. `metadata`: JSON-serialisable values.
        `progress`: show what is done, running and failed on standard error.

        Errors: `ExecutionError` when a step failed, with the step's exception as `__cause__`; `RunActive` when the id
        is running; `RunIdInUse` when it is a run of other steps; `MetadataError`; `EncodingError`; `TypeError` when the
        id is no text.
        """
        reference = self._start(workflow_id, metadata, False, waiting_here())
        if not progress:
            return reference.result()
        with watched(reference) as on_turn:
            return reference.result(on_turn=on_turn)

    def run_async(
        self, workflow_id: str | None = None, metadata: dict[str, Any] | None = None, *, detach: bool = False
    ) -> Reference:
        """Start it and return at once, with a reference to the result: `ref.result(timeout)`, `await ref`,
        `manyhands.get(ref)`. The run is durable when this returns.

        It goes on while this process lives. With `detach` it is handed to the store's engine service
        (`manyhands engine start`) and goes on when this process has ended. Errors: as `run`.
        """
        reference = self._start(workflow_id, metadata, detach)
        client().secure(reference)
        return reference

    def _start(
        self, workflow_id: str | None, metadata: dict[str, Any] | None, detach: bool, callers: tuple[str, ...] = ()
    ) -> Reference:
        if workflow_id is not None:
            check_id(workflow_id)
        checked = {} if metadata is None else check_metadata(metadata)
        ours = client()
        specs = plan(self, ours.engine.kit)
        wait_for(specs, callers)
        entry = output_of(self, specs)
        return ours.start(workflow_id, specs, kind=WORKFLOW, metadata=checked, entry=entry, detach=detach)
