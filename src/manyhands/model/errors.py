"""Every error that Manyhands raises: one root, three branches, each text naming the cure."""

from __future__ import annotations


class ManyhandsError(Exception):
    """Root of every error of this package.

    Arguments go to `super().__init__` unchanged and the text is made in `__str__`, so that an error survives pickling.
    """

    text = "Manyhands failed."

    def __str__(self) -> str:
        return self.text.format(*self.args)


class UsageError(ManyhandsError):
    """The call was wrong; nothing was written."""

    text = "{0}"


class StateError(ManyhandsError):
    """The call was right, but not in the state that something is in now."""

    text = "{0}"


class BackendError(ManyhandsError):
    """The store, an executor or a worker failed."""

    text = "{0}"


# --- usage -----------------------------------------------------------------------------------------------------


class OptionError(UsageError, ValueError):
    """An option has a value it cannot have: `OptionError(text)`."""


class CallError(UsageError, TypeError):
    """A step was called with arguments it does not take, or called directly: `CallError(text)`."""


class MetadataError(UsageError, ValueError):
    """Metadata is not a dictionary of JSON-serialisable values: `MetadataError(text)`."""


class CycleError(UsageError, ValueError):
    """A graph of steps refers back to itself: `CycleError(names)`."""

    text = "The steps {0} form a cycle; no order can run them. Break it by removing one of these arguments."


class FingerprintError(UsageError, TypeError):
    """An input has no stable identity: `FingerprintError(path, type_name)`."""

    text = (
        "{0} is a {1}, which cannot be fingerprinted. Pass a plain value, or give its class a method "
        "`__fingerprint__(self)` that returns a plain value standing for it."
    )


class EncodingError(UsageError, TypeError):
    """A value cannot be saved: `EncodingError(what, type_name, why)`."""

    text = (
        "{0} is a {1}, which cannot be saved: {2}. Return or pass plain data, make the class picklable "
        "(`__getstate__`), or register a codec for it."
    )


class PickleForbidden(UsageError, ValueError):
    """A value needs pickle, which the settings forbid: `PickleForbidden(what, type_name)`."""

    text = (
        "{0} is a {1}, which only pickle can save, and `allow_pickle` is off. Use plain data (None, bool, int, float, "
        "str, bytes, list, dict with text keys), register a codec, or set `allow_pickle = true`."
    )


class RunNotFound(UsageError, ValueError):
    """Nobody knows the run: `RunNotFound(run_id)`."""

    text = "No such workflow_id {0}. `manyhands runs list` shows the runs of this store."


class TaskNotFound(UsageError, ValueError):
    """The run has no such step: `TaskNotFound(run_id, name)`."""

    text = "No such step_id {1} in workflow {0}. `manyhands tasks list {0}` shows its steps."


class StoreLocationError(UsageError, ValueError):
    """The store's address is no store: `StoreLocationError(url, why)`."""

    text = "Invalid url: {0}. {1}"


class MissingExtra(UsageError, ImportError):
    """A part that was asked for needs a package that is not installed: `MissingExtra(package, extra)`."""

    text = "This needs {0}, which is not installed. Run: pip install 'manyhands[{1}]'"


# --- state -----------------------------------------------------------------------------------------------------


class RunActive(StateError, RuntimeError):
    """The run is being driven now: `RunActive(run_id)`."""

    text = "The output of workflow[id={0}] already exists: the run is running now. Wait for it, or cancel it first."


class RunIdInUse(StateError, RuntimeError):
    """The id belongs to a run of another definition: `RunIdInUse(run_id, status)`."""

    text = (
        "Run '{0}' exists ({1}) and was made from other steps or inputs. Go on with what is stored by "
        "`resume('{0}')`, choose another id, or `delete('{0}')` first."
    )


class RunFinished(StateError, RuntimeError):
    """The run is over, so it cannot be canceled: `RunFinished(run_id, status)`."""

    text = "Run '{0}' has already finished ({1}); there is nothing to cancel."


class SignalTooLate(RunFinished):
    """The run is over, so nobody takes the signal: `SignalTooLate(run_id, status)`."""

    text = (
        "Run '{0}' has already finished ({1}); no signal reaches it any more, unless it is resumed first. An actor is "
        "reached by its methods."
    )


class RunNotResumable(StateError, RuntimeError):
    """The run cannot be taken up: `RunNotResumable(run_id, why)`."""

    text = "Run '{0}' cannot be resumed: {1}"


class RunError(StateError):
    """What waiting for the result of a run or of a step may raise when there will be none: `RunError(text)`."""


class RunCanceled(RunError, RuntimeError):
    """The run was canceled, so it has no result: `RunCanceled(run_id)`."""

    text = "Run '{0}' was canceled. `resume('{0}')` takes it up again."


class OutputNotReady(RunError, ValueError):
    """The step has no saved output: `OutputNotReady(run_id, name, why)`."""

    text = "Cannot load output from step id {1} in workflow {0}: {2}"


class WaitTimeout(StateError, TimeoutError):
    """The result did not come in time: `WaitTimeout(run_id, seconds)`."""

    text = "Run '{0}' is not finished after {1} s. It goes on; ask again later, or cancel it."


class WaitInPlace(StateError, RuntimeError):
    """A step that runs in the driving thread waits for a run that this thread is to drive: `WaitInPlace()`."""

    text = (
        "A step with `allow_inplace` runs in the thread that drives the runs of its process, so it cannot wait for "
        "another run there. Drop `allow_inplace`, or return the other step instead of running it."
    )


class WaitForItself(StateError, RuntimeError):
    """A call waits for a run that waits for this call: `WaitForItself(run_id, way, method)`, with the way back."""

    text = (
        "'{0}' waits for this very call ({1}), and what is asked of it now comes after that: the result would never be "
        "there. Inside a method of an actor call `self.{2}(...)`, return `self.{2}.step(...)`, or ask by "
        "`.run_async(...)` and do not wait for the result."
    )


class IllegalMove(StateError, RuntimeError):
    """A guarded write matched no row: `IllegalMove(what, target, why)`."""

    text = "{0} cannot become {1}: {2}"


class CallsWaiting(StateError, RuntimeError):
    """The run may not end while calls of it wait: `CallsWaiting(run_key)`; never seen by users."""

    text = "Run number {0} has been called since; it goes on."


class LeaseLost(RunError, RuntimeError):
    """Another session drives the run now, so this one may not write: `LeaseLost(run_key, epoch)`."""

    text = "The lease of run number {0} (epoch {1}) is lost: another session drives the run, or it was canceled."


class NotInitialized(StateError, RuntimeError):
    """`init` has not been called where it must be: `NotInitialized(text)`."""


class ExecutionError(RunError):
    """A run ended without a result: `ExecutionError(run_id, step, message)`; the step's own exception is the cause."""

    text = "Workflow[id={0}] failed during execution. Step '{1}': {2}"


# --- back end --------------------------------------------------------------------------------------------------


class StoreUnavailable(BackendError, OSError):
    """The store cannot be opened or written: `StoreUnavailable(url, why)`."""

    text = "The store {0} cannot be used: {1}"

    def __str__(self) -> str:
        return self.text.format(*self.args)


class StoreTooNew(BackendError, RuntimeError):
    """A newer Manyhands wrote the store: `StoreTooNew(url, theirs, ours)`."""

    text = "The store {0} has schema {1}, this version knows {2}. Upgrade: `pip install -U manyhands`."


class StoreTooOld(BackendError, RuntimeError):
    """The store wants a migration: `StoreTooOld(url, theirs, ours)`."""

    text = "The store {0} has schema {1}, this version needs {2}. Run `manyhands store migrate`."


class StoreCorrupt(BackendError, RuntimeError):
    """A stored value cannot be read back: `StoreCorrupt(what, why)`."""

    text = "{0} cannot be read back: {1}. `manyhands store check` looks for more."


class DecodingError(BackendError, ValueError):
    """A saved value cannot be loaded here: `DecodingError(what, codec, why)`."""

    text = (
        "{0} (saved as {1}) cannot be loaded: {2}. Make the modules it was made with importable here, "
        "in the same versions, and try again; the saved value is untouched."
    )


class WorkerLost(BackendError, RuntimeError):
    """A worker process ended in the middle of a task: `WorkerLost(task, how)`."""

    text = "The worker that ran {0} {1}. Its output is in `manyhands tasks logs`; `resume` runs it again."


class AttemptTimedOut(BackendError, TimeoutError):
    """A task ran longer than its time-out: `AttemptTimedOut(task, how)`."""

    text = "{0} {1}, and was stopped. Raise `timeout=`, or make the step shorter."
