"""The statuses of this face, and their one mapping."""

from __future__ import annotations

from enum import StrEnum

from manyhands.model.errors import OptionError
from manyhands.model.states import RunStatus


class WorkflowStatus(StrEnum):
    """Where a workflow stands, in the customary words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    RESUMABLE = "RESUMABLE"
    CANCELED = "CANCELED"


SHOWN = {
    RunStatus.PENDING: WorkflowStatus.PENDING,
    RunStatus.RUNNING: WorkflowStatus.RUNNING,
    RunStatus.SUCCEEDED: WorkflowStatus.SUCCESSFUL,
    RunStatus.FAILED: WorkflowStatus.FAILED,
    RunStatus.RESUMABLE: WorkflowStatus.RESUMABLE,
    RunStatus.CANCELED: WorkflowStatus.CANCELED,
}
"""The face's word for each status of a run."""


def wanted(status_filter: object) -> frozenset[WorkflowStatus]:
    """The statuses that a filter names; all for None. Errors: `OptionError` for an unknown word, `TypeError` for
    something that is no filter."""
    if status_filter is None:
        return frozenset(WorkflowStatus)
    if isinstance(status_filter, str):
        return frozenset({_named(status_filter)})
    if isinstance(status_filter, (set, frozenset)):
        return frozenset(_named(item) for item in status_filter)
    raise TypeError("status_filter must be WorkflowStatus or a set of WorkflowStatus.")


def _named(status: object) -> WorkflowStatus:
    if not isinstance(status, str):
        raise TypeError("status_filter must be WorkflowStatus or a set of WorkflowStatus.")
    try:
        return WorkflowStatus(status)
    except ValueError:
        raise OptionError(
            f"'{status}' is no status of a workflow; there are {', '.join(s.value for s in WorkflowStatus)}."
        ) from None
