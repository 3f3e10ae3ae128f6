"""The story of one task: why it ran, did not run, waits, failed, or ran again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Any

import msgspec

from manyhands.engine import phrases
from manyhands.engine.inspect import Inspect
from manyhands.engine.lineage import Lineage
from manyhands.engine.views import AttemptView, EventView, RunView, TaskView
from manyhands.model.records import TaskRecord
from manyhands.model.specs import TaskOptions
from manyhands.model.states import RUN_TERMINAL, AttemptStatus, Reason, RunStatus, TaskStatus

LOG_LINES = 10
LOG_BYTES = 16 * 1024
SHOWN_ATTEMPTS = 10

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


class Fact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One fact of an explanation. `kind` is for programs, `text` for people; `run`, `step`, `at`, `data` say what the
    text speaks of."""

    kind: str
    text: str
    run: str | None = None
    step: str | None = None
    at: float | None = None
    data: dict[str, Any] = {}


class TaskStory:
    """Tells about one task; `view` is the task, `run` its run."""

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

    def tell(self) -> tuple[str, list[Fact], list[str]]:
        """The summary, the facts and the advice."""
        tellers = {
            TaskStatus.PENDING: self._pending,
            TaskStatus.RUNNING: self._running,
            TaskStatus.SUCCEEDED: self._succeeded,
            TaskStatus.FAILED: self._failed,
            TaskStatus.STOPPED: self._stopped,
        }
        summary = tellers.get(self.view.status, self._other)()
        self._add_why_called()
        self._add_fork()
        self._add_again()
        return summary, self.facts, self.advice

    def failure(self) -> list[Fact]:
        """How its attempts ended, and the last it wrote."""
        return [*self._attempt_facts(), *self._log_facts()]

    # --- by status -----------------------------------------------------------------------------------------------

    def _succeeded(self) -> str:
        view = self.view
        at = "" if view.ended_at is None else f" at {phrases.when(view.ended_at, self.now)}"
        copied = self._copied()
        if copied is not None:
            return f"Step '{view.name}' did not run here: {copied}."
        if view.reason == Reason.CACHED:
            return self._cached(at)
        if view.reason == Reason.CAUGHT:
            return self._caught(at)
        took = f" in {phrases.span(view.duration)}" if view.duration is not None else ""
        if view.source is not None:
            self._add_forwards()
            return f"Step '{view.name}' succeeded{at}: what it returned was step '{view.source}', and that succeeded."
        if len(self.attempts) > 1:
            self.facts.extend(self._attempt_facts())
        worker = self.attempts[-1].worker if self.attempts else view.worker
        on = f" on {worker}" if worker else ""
        return f"Step '{view.name}' ran{on} and succeeded{took}{at}."

    def _cached(self, at: str) -> str:
        entry = None
        if self.task.cache_key is not None and self.task.ended_at is not None:
            entry = self.inspect.store.cached(self.task.cache_key, self.task.ended_at)
        # An entry that is newer than the task was written by a later call, in the place of the one that it took.
        if entry is None or entry.at > (self.task.ended_at or 0.0):
            told = f": {self.view.message}" if self.view.message else ""
            self.facts.append(Fact(kind="cached", text=f"The call was in the cache{told}."))
        else:
            text = (
                f"An equal call had been made before: step '{entry.name}' of run '{entry.run_id}', saved at "
                f"{phrases.when(entry.at, self.now)}."
            )
            self.facts.append(Fact(kind="cached", text=text, run=entry.run_id, step=entry.name, at=entry.at))
        return f"Step '{self.view.name}' did not run: its result was taken from the cache{at}."

    def _caught(self, at: str) -> str:
        name = self.view.name
        if self.view.source is not None and self.view.source != name:
            self._add_origins([self.task.source])
            return f"Step '{name}' did not run through{at}: step '{self.view.source}' failed, and the error was caught."
        self.facts.extend(self.failure())
        return f"Step '{name}' failed{at} and its error was caught (`catch_exceptions`), so the run went on."

    def _failed(self) -> str:
        view = self.view
        told = f": {phrases.first_line(view.message)}" if view.message else ""
        if view.source is not None and view.source != view.name:
            self._add_forwards()
            self._add_origins([self.task.source])
            return f"Step '{view.name}' failed because step '{view.source}', which it led to, failed{told}."
        self.facts.extend(self.failure())
        self.advice.append(f"All of what it wrote: `manyhands tasks logs {quote(self.run.id)} {quote(view.name)}`.")
        tries = f" after {phrases.count(len(self.attempts), 'attempt')}" if self.attempts else ""
        return f"Step '{view.name}' failed{tries}, because {self._cause(view.reason)}{told}."

    def _stopped(self) -> str:
        event = self.events[-1] if self.events else None
        at = f" at {phrases.when(event.at, self.now)}" if event else ""
        why = "its run was canceled" if self.run.status is RunStatus.CANCELED else self._cause(self.view.reason)
        self.facts.extend(self.failure())
        self.advice.append(f"`manyhands runs resume {quote(self.run.id)}` runs it again.")
        return f"Step '{self.view.name}' was stopped{at}, because {why}."

    def _other(self) -> str:
        told = f": {self.view.message}" if self.view.message else ""
        return f"Step '{self.view.name}' is {self.view.status.replace('_', ' ')}{told}."

    def _running(self) -> str:
        view = self.view
        if view.forward_to is not None:
            self._add_forwards()
            return f"Step '{view.name}' has run; it waits for step '{view.forward_to}', which it returned."
        since = f" since {phrases.when(view.started_at, self.now)}" if view.started_at is not None else ""
        tries = f", attempt {view.attempt}" if view.attempt > 1 else ""
        on = f" on {view.worker}" if view.worker else ""
        return f"Step '{view.name}' is running{on}{since}{tries}."

    def _pending(self) -> str:
        name, status = self.view.name, self.run.status
        if status is RunStatus.RESUMABLE:
            self.advice.append(f"Take the run up: `manyhands runs resume {quote(self.run.id)}`.")
            begun = "was begun, but not finished" if self.task.status is TaskStatus.RUNNING else "has not run yet"
            return f"Step '{name}' {begun}: the run's driver is gone."
        if status is RunStatus.PENDING:
            self.advice.append("An engine takes the run up: `manyhands engine start --background`.")
            return f"Step '{name}' has not run yet: its run waits for an engine."
        unmet = self.lineage.unmet(self.task)
        if status in RUN_TERMINAL:
            return self._never_ran(unmet)
        if unmet:
            return self._waits_for(unmet)
        if self.view.due_at is not None and self.view.due_at > self.now:
            return self._waits_for_retry(self.view.due_at)
        return self._waits_for_turn()

    def _never_ran(self, unmet: list[TaskRecord]) -> str:
        name, status = self.view.name, self.run.status
        origins = [] if status is RunStatus.CANCELED else list(self.lineage.origins(self.task))
        if origins:
            self._add_origins([origin.ordinal for origin in origins])
            names = phrases.some([origin.name for origin in origins])
            return f"Step '{name}' never ran: it needs the result of {names}, which failed."
        if status is RunStatus.FAILED and self.run.source is not None:
            why = f"the run failed at step '{self.run.source}' before it came to this one"
        else:
            why = f"the run was over ({status}) before it came to this one"
        if unmet:
            self.facts.append(Fact(kind="upstream", text=f"It waited for {phrases.some([t.name for t in unmet])}."))
        return f"Step '{name}' never ran: {why}."

    def _waits_for(self, unmet: list[TaskRecord]) -> str:
        for upstream in unmet[:SHOWN_ATTEMPTS]:
            text = f"It needs '{upstream.name}', which {self._state(upstream)}."
            self.facts.append(Fact(kind="upstream", text=text, step=upstream.name))
        moving = [task.name for task in self.lineage.moving(self.task) if task.name not in {u.name for u in unmet}]
        if moving:
            text = f"In the end it waits for {phrases.some(moving)}."
            self.facts.append(Fact(kind="moving", text=text, data={"steps": moving}))
        origins = list(self.lineage.origins(self.task))
        if origins:
            self._add_origins([origin.ordinal for origin in origins])
            names = phrases.some([origin.name for origin in origins])
            return f"Step '{self.view.name}' cannot run: it needs the result of {names}, which failed."
        return f"Step '{self.view.name}' waits for its inputs: {phrases.some([task.name for task in unmet])}."

    def _waits_for_retry(self, due: float) -> str:
        self.facts.extend(self._attempt_facts())
        text = f"It is due at {phrases.when(due, self.now)}."
        self.facts.append(Fact(kind="retry_due", text=text, at=due))
        return f"Step '{self.view.name}' waits to be tried again, because {self._cause(self._last_cause())}."

    def _waits_for_turn(self) -> str:
        name = self.view.name
        options = msgspec.convert(self.view.options, TaskOptions)
        progress = self.inspect.progress(self.run.id)
        if self.view.reason == Reason.FLIGHT:
            return f"Step '{name}' waits for an equal call, which is being computed now and whose result it will take."
        if progress.running:
            verb = "is" if progress.running == 1 else "are"
            text = f"{phrases.count(progress.running, 'step')} of this run {verb} running now: "
            text += f"{phrases.some(progress.now_running)}."
            self.facts.append(Fact(kind="running_now", text=text, data={"steps": progress.now_running}))
        if options.cache:
            text = "It may be cached: when an equal call is being computed now, it waits for the result of that one."
            self.facts.append(Fact(kind="flight", text=text))
        if options.group is not None:
            text = f"It belongs to group '{options.group}', which may have a limit of its own."
            self.facts.append(Fact(kind="limit", text=text, data={"group": options.group}))
        slots = f" It takes {options.slots} of them at once." if options.slots > 1 else ""
        text = f"It runs on the executor '{options.executor}' as soon as that has a free slot.{slots}"
        self.facts.append(Fact(kind="worker", text=text, data={"executor": options.executor}))
        return f"Step '{name}' has all its inputs and waits for a worker."

    # --- facts ---------------------------------------------------------------------------------------------------

    def _add_why_called(self) -> None:
        view = self.view
        if view.parent is not None:
            text = f"It was called by step '{view.parent}', which returned it."
            self.facts.append(Fact(kind="called_by", text=text, step=view.parent))
        if view.ordinal == self.record.entry:
            self.facts.append(Fact(kind="entry", text="Its result is the result of the run."))
        needing = [task.name for task in self.lineage.needing(self.task)]
        if needing:
            text = f"Its result is an input of {phrases.some(needing)}."
            self.facts.append(Fact(kind="needed_by", text=text, data={"steps": needing}))
        elif view.parent is None and view.ordinal != self.record.entry:
            self.facts.append(Fact(kind="called_by", text="The run was made with it."))

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
        for event in self.events:
            text = AGAIN.get(Reason(event.reason)) if event.state == TaskStatus.PENDING else None
            if text is None:
                continue
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

    def _attempt_facts(self) -> Iterator[Fact]:
        shown = self.attempts[-SHOWN_ATTEMPTS:]
        if len(shown) < len(self.attempts):
            text = f"{phrases.count(len(self.attempts) - len(shown), 'earlier attempt')}, not shown here."
            yield Fact(kind="attempts", text=text)
        for attempt in shown:
            yield Fact(kind="attempt", text=self._attempt_text(attempt), at=attempt.started_at, data=_plain(attempt))

    def _attempt_text(self, attempt: AttemptView) -> str:
        text = f"Attempt {attempt.number} at {phrases.clock(attempt.started_at)}, {phrases.span(attempt.duration)}: "
        if attempt.status is AttemptStatus.SUCCEEDED:
            return f"{text}succeeded."
        how = self._cause(attempt.cause) if attempt.cause else str(attempt.status)
        told = f": {attempt.error}" if attempt.error else "."
        return f"{text}{how}{told}"

    def _log_facts(self) -> Iterator[Fact]:
        if not self.attempts or not self.attempts[-1].logged:
            return
        number = self.attempts[-1].number
        for log in self.inspect.log(self.run.id, self.view.name, number, tail=LOG_BYTES):
            lines = log.text.rstrip().splitlines()[-LOG_LINES:]
            if lines:
                text = "The last it wrote:\n" + "\n".join(lines)
                yield Fact(kind="log", text=text, data={"attempt": number, "lines": lines})

    def _add_forwards(self) -> None:
        for task in self.lineage.forwards(self.task):
            text = f"It led to '{task.name}', which {self._state(task)}."
            self.facts.append(Fact(kind="forwarded", text=text, step=task.name))

    def _add_origins(self, ordinals: Iterable[int | None]) -> None:
        for origin in filter(None, map(self.lineage.at, ordinals)):
            message = self.inspect.task(self.run.id, origin.name).message
            told = f": {phrases.first_line(message)}" if message else ""
            text = f"'{origin.name}' {self._state(origin)}, because {self._cause(origin.reason)}{told}."
            self.facts.append(Fact(kind="origin", text=text, step=origin.name))
            self.advice.append(f"More on it: `manyhands why {quote(self.run.id)} {quote(origin.name)}`.")

    # --- words ---------------------------------------------------------------------------------------------------

    def _state(self, task: TaskRecord) -> str:
        if task.status is TaskStatus.RUNNING and task.forward_to is not None:
            return f"waits for '{self.lineage.name(task.forward_to)}', which it returned"
        if task.status is TaskStatus.RUNNING and self.run.status is not RunStatus.RUNNING:
            return "was begun and not finished"
        return STATES.get(task.status, f"is {task.status}")

    def _cause(self, reason: str) -> str:
        return CAUSES.get(reason, reason)

    def _last_cause(self) -> str:
        return (self.attempts[-1].cause if self.attempts else None) or Reason.ERROR

    def _error_of(self, event: EventView) -> str:
        found = next((a.error for a in self.attempts if a.number == event.attempt), "")
        return found or phrases.first_line(event.message) or "an attempt that failed"


def _plain(attempt: AttemptView) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(attempt)
    return found
