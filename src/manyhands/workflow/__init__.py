"""Durable steps: functions whose results survive any crash, with metadata for the run and every step."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from manyhands.workflow.dag import Bound, InputNode, continuation, create, options, run, run_async
from manyhands.workflow.errors import (
    ActorLost,
    ActorNotFound,
    NotAnActor,
    VirtualActorNotInitializedError,
    WorkflowCancellationError,
    WorkflowExecutionError,
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowRunningError,
)
from manyhands.workflow.events import EventListener
from manyhands.workflow.management import (
    cancel,
    delete,
    fork,
    get_metadata,
    get_output,
    get_output_async,
    get_status,
    init,
    list_all,
    resume,
    resume_all,
    resume_async,
)
from manyhands.workflow.run import Workflow
from manyhands.workflow.status import WorkflowStatus
from manyhands.workflow.step import StepFunction, step
from manyhands.workflow.waiting_for import SignalListener, TimerListener, send, sleep, wait, wait_for_event

if TYPE_CHECKING:
    from manyhands.workflow.actor import ActorState, VirtualActor
    from manyhands.workflow.actor_class import VirtualActorClass, get_actor, skip, virtual_actor

PENDING = WorkflowStatus.PENDING
RUNNING = WorkflowStatus.RUNNING
SUCCESSFUL = WorkflowStatus.SUCCESSFUL
FAILED = WorkflowStatus.FAILED
RESUMABLE = WorkflowStatus.RESUMABLE
CANCELED = WorkflowStatus.CANCELED

_ACTORS = {
    "ActorState": "manyhands.workflow.actor",
    "VirtualActor": "manyhands.workflow.actor",
    "VirtualActorClass": "manyhands.workflow.actor_class",
    "get_actor": "manyhands.workflow.actor_class",
    "skip": "manyhands.workflow.actor_class",
    "virtual_actor": "manyhands.workflow.actor_class",
}

__all__ = [
    "CANCELED",
    "FAILED",
    "PENDING",
    "RESUMABLE",
    "RUNNING",
    "SUCCESSFUL",
    "ActorLost",
    "ActorNotFound",
    "ActorState",
    "Bound",
    "EventListener",
    "InputNode",
    "NotAnActor",
    "SignalListener",
    "StepFunction",
    "TimerListener",
    "VirtualActor",
    "VirtualActorClass",
    "VirtualActorNotInitializedError",
    "Workflow",
    "WorkflowCancellationError",
    "WorkflowExecutionError",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowRunningError",
    "WorkflowStatus",
    "cancel",
    "continuation",
    "create",
    "delete",
    "fork",
    "get_actor",
    "get_metadata",
    "get_output",
    "get_output_async",
    "get_status",
    "init",
    "list_all",
    "options",
    "resume",
    "resume_all",
    "resume_async",
    "run",
    "run_async",
    "send",
    "skip",
    "sleep",
    "step",
    "virtual_actor",
    "wait",
    "wait_for_event",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: a script without actors does not pay for them at each start.
    home = _ACTORS.get(name)
    if home is None:
        raise AttributeError(f"module 'manyhands.workflow' has no attribute '{name}'")
    found = globals()[name] = getattr(importlib.import_module(home), name)
    return found
