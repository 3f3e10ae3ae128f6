"""The errors of this face under their customary names."""

from __future__ import annotations

from manyhands.model.errors import (
    ExecutionError,
    RunActive,
    RunCanceled,
    RunNotFound,
    RunNotResumable,
    StateError,
    UsageError,
)

WorkflowExecutionError = ExecutionError
WorkflowCancellationError = RunCanceled
WorkflowNotResumableError = RunNotResumable


class WorkflowNotFoundError(RunNotFound):
    """Nobody knows the workflow: `WorkflowNotFoundError(workflow_id)`."""

    text = "Workflow[id={0}] was referenced but doesn't exist. `manyhands runs list` shows those that do."


class WorkflowRunningError(RunActive):
    """The workflow is running, so this cannot be done: `WorkflowRunningError(workflow_id)`."""

    text = "Workflow[id={0}] is still running. Wait for it, or cancel it first."


class ActorNotFound(RunNotFound, KeyError):
    """Nobody knows the actor: `ActorNotFound(actor_id)`."""

    text = (
        "Actor '{0}' has not been created, or it has failed before initialization. "
        "`Class.get_or_create('{0}', ...)` makes it."
    )


class NotAnActor(UsageError, ValueError):
    """The id belongs to something else: `NotAnActor(run_id, kind)`."""

    text = "'{0}' is the id of a run of kind {1}, which is no actor. Choose another id for the actor."


class ActorLost(StateError, RuntimeError):
    """A handle of an actor that is there no more: `ActorLost(actor_id)`."""

    text = "Lost reference to actor. '{0}' does not exist (any more): it was deleted, or is in another store."


class VirtualActorNotInitializedError(StateError, RuntimeError):
    """A read-only method was called too early: `VirtualActorNotInitializedError(actor_id)`."""

    text = "Virtual actor '{0}' has not been initialized: its constructor is not done. Wait for `actor.ready()` first."


class ReadonlyReturnsStep(UsageError, TypeError):
    """A read-only method returned a step: `ReadonlyReturnsStep(method)`."""

    text = (
        "Returning a Workflow from a readonly virtual actor is not allowed: '{0}' may only look. "
        "Take `@virtual_actor.readonly` off it, or return a value."
    )


class NoSuchVersion(UsageError, ValueError):
    """The actor never had this version: `NoSuchVersion(actor_id, version)`."""

    text = "Actor '{0}' has no version {1}. `actor.history()` lists those it has had, from 1."
