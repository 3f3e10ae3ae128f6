"""What every story of a task is made of: its facts, why it ran again, and the words for states and causes."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.engine import phrases
from manyhands.engine.awaited import Awaited
from manyhands.engine.inspect import Inspect
from manyhands.engine.lineage import Lineage
from manyhands.engine.views import EventView, RunView, TaskView
from manyhands.model.kinds import ACTOR
from manyhands.model.records import TaskRecord
from manyhands.model.states import Reason, RunStatus, TaskStatus

AGAIN = {
    Reason.RETRY: "It was tried again after",
    Reason.RESUMED: "It ran again because the run was resumed",
    Reason.UNSAVED: "It ran again because its result had not been saved (`checkpoint=False`)",
    Reason.WORKER: "It was handed out again, because its worker was needed for another step before it had begun",
}
"""Why a task became pending once more, by the reason of that event."""

CAUSES = {
    "error": "its code raised an error",
    "lost": "its worker was lost",
    "memory": "it ran out of memory",
    "timeout": "it ran longer than its time-out",
    "canceled": "it was canceled",
}


STATES = {
    TaskStatus.PENDING: "is pending",
    TaskStatus.RUNNING: "is running",
    TaskStatus.SUCCEEDED: "succeeded",
    TaskStatus.FAILED: "failed",
    TaskStatus.STOPPED: "was stopped",
    TaskStatus.SKIPPED: "was skipped",
}


NOTHING_KEPT = (
    "Without a name nothing is kept of an app: run it again from its beginning, under a name, by "
    "`manyhands run app FILE --id NAME`."
)


class Fact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One fact of an explanation. `kind` is for programs, `text` for people; `run`, `step`, `at`, `data` say what the
    text speaks of."""

    kind: str
    text: str
    run: str | None = None
    step: str | None = None
    at: float | None = None
    data: dict[str, Any] = {}


def going_on(lineage: Lineage, how: str) -> str:
    """How to go on with a run, if anything is kept of it to go on with."""
    return how if lineage.is_kept() else NOTHING_KEPT


class Telling:
    """What is known of one task, and what has been told of it so far; `view` is the task, `run` its run."""

    def __init__(self, inspect: Inspect, run: RunView, view: TaskView) -> None:
        self.inspect = inspect
        self.run = run
        self.view = view
        self.now = inspect.now()
        self.record = inspect.run_record(run.id)
        self.task = inspect.task_record(self.record, view.name)
        self.lineage = Lineage(inspect.store, self.record)
        self.attempts = inspect.attempts(run.id, view.name)
        self.events = inspect.events(run.id, view.name)
        self.facts: list[Fact] = []
        self.advice: list[str] = []

    # --- why it ran again ----------------------------------------------------------------------------------------

    def _copied(self) -> str | None:
        """Where its result came from when a fork copied it: nothing else has been written of it in this run."""
        origin = self.run.forked_from
        if origin is None or any(event.reason != Reason.FORKED for event in self.events):
            return None
        self.facts.append(Fact(kind="copied", text=f"The fork left it as it was in run '{origin}'.", run=origin))
        return f"its result was taken over from run '{origin}'"

    def _add_fork(self) -> None:
        origin = self.run.forked_from
        if origin is None or self.view.status is TaskStatus.PENDING or self._copied_already():
            return
        if not any(event.reason == Reason.FORKED for event in self.events):
            return  # it was called in this run for the first time
        changed = self.lineage.changed_inputs(origin, self.task)
        if changed:
            text = f"The fork gave it other inputs than in run '{origin}':\n" + "\n".join(changed)
            self.facts.append(Fact(kind="inputs_changed", text=text, run=origin, data={"inputs": changed}))
            return
        again = [task.name for task in self.lineage.upstreams(self.task) if not self._forked_as_it_was(task)]
        if again:
            text = (
                f"It ran again in this fork of run '{origin}' because it needs {phrases.some(again)}, which ran again."
            )
            self.facts.append(Fact(kind="upstream_again", text=text, run=origin, data={"steps": again}))
        else:
            text = f"It ran again because run '{origin}' was forked from this step."
            self.facts.append(Fact(kind="forked", text=text, run=origin))

    def _copied_already(self) -> bool:
        return any(fact.kind == "copied" for fact in self.facts)

    def _forked_as_it_was(self, task: TaskRecord) -> bool:
        if task.status is TaskStatus.PENDING:
            return False
        events = self.inspect.store.events(key=self.record.key, ordinal=task.ordinal)
        return all(event.reason == Reason.FORKED for event in events)

    def _add_again(self) -> None:
        for event, after in zip(self.events, [*self.events[1:], None], strict=True):
            text = AGAIN.get(Reason(event.reason)) if event.state == TaskStatus.PENDING else None
            if text is None or (after is not None and after.state == TaskStatus.SKIPPED):
                continue
            if event.reason == Reason.RESUMED and Awaited.is_one(self.task):
                text = "It went on waiting because the run was resumed"
            elif event.reason == Reason.RESUMED and self.run.kind == ACTOR:
                text = "It ran again because the actor was called again, or resumed"
            told = ""
            if event.reason == Reason.RETRY:
                told = f" {self._error_of(event)}"
            elif event.reason == Reason.RESUMED:
                told = f", {self._why_resumed(event)}"
            self.facts.append(
                Fact(
                    kind="again",
                    text=f"{phrases.clock(event.at)} {text}{told}.",
                    at=event.at,
                    data={"reason": event.reason},
                )
            )

    def _why_resumed(self, event: EventView) -> str:
        before = [e for e in self.events if e.id < event.id]
        state = before[-1].state if before else ""
        if state == TaskStatus.FAILED:
            return "and it had failed"
        if state == TaskStatus.STOPPED:
            return "and it had been stopped"
        if state == TaskStatus.RUNNING:
            return "and it had been begun but not finished when the run's driver was lost"
        return "and it had not been done"

    # --- words ---------------------------------------------------------------------------------------------------

    def _state(self, task: TaskRecord) -> str:
        if task.status is TaskStatus.RUNNING and task.forward_to is not None:
            return f"waits for '{self.lineage.name(task.forward_to)}', which it returned"
        if task.status is TaskStatus.RUNNING and Awaited.is_one(task):
            return f"waits {Awaited(self.lineage, self.run.id, task, self.now).words()}"
        if task.status is TaskStatus.RUNNING and self.run.status is not RunStatus.RUNNING:
            return "was begun and not finished"
        return STATES.get(task.status, f"is {task.status}")

    def _cause(self, reason: str) -> str:
        if reason == Reason.TIMEOUT and Awaited.is_one(self.task):
            return "it waited as long as it was told to"
        return CAUSES.get(reason, reason)

    def _last_cause(self) -> str:
        return (self.attempts[-1].cause if self.attempts else None) or Reason.ERROR

    def _error_of(self, event: EventView) -> str:
        found = next((a.error for a in self.attempts if a.number == event.attempt), "")
        return found or phrases.first_line(event.message) or "an attempt that failed"
