"""The ways in which an app ends badly."""

from __future__ import annotations

from manyhands.model.errors import ManyhandsError, StateError, UsageError


class AppFailed(ManyhandsError, RuntimeError):
    """The flow has said that the app has failed: `AppFailed(message)`."""

    text = "The app has failed: {0}"


class WorkFailed(ManyhandsError, RuntimeError):
    """A work has failed, and with it the app: `WorkFailed(work_name, message, traceback, cure)`."""

    text = "The work {0} has failed: {1}\n{2}{3}"


LET_IT_FAIL = "Mend it, or make the work with `raise_exception=False` and look at `has_failed` in the flow."
RAISE_NOTHING = "Mend it, or the work's own `on_exception`: what that raises ends the app."
RETURN_NOTHING = "Have its `run` return nothing."


class UnfitBlueprint(UsageError, TypeError):
    """A work cannot be sent to its process: `UnfitBlueprint(work_name, why)`."""

    text = (
        "The work {0} cannot be sent to its process ({1}). "
        "Make what cannot be pickled, such as a lock or a connection, in `run`, not in `__init__`."
    )


class NotRunning(StateError, RuntimeError):
    """Something was asked of an app that does not run: `NotRunning(what)`."""

    text = "{0}: the app does not run. Start it by `manyhands run app FILE` or `App.run()`."


class NothingToRetry(StateError, RuntimeError):
    """A call that has not failed was to be made again: `NothingToRetry(work_name, key)`."""

    text = "The call {1} of {0} has not failed, so there is nothing to try again."


class NoCheckpoint(StateError, FileNotFoundError):
    """No state to load: `NoCheckpoint(folder, why)`."""

    text = "There is no checkpoint in {0}: {1}. Set `app.checkpointing = True` to have some written."
