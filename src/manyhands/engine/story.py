"""The story of one task: why it ran, did not run, waits, failed, or ran again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Any

import msgspec

from manyhands.engine import phrases
from manyhands.engine.awaited import Awaited
from manyhands.engine.telling import Fact, Telling, going_on
from manyhands.engine.views import AttemptView
from manyhands.model.kinds import ACTOR
from manyhands.model.records import TaskRecord
from manyhands.model.specs import ACTOR_INIT, WORK, TaskOptions
from manyhands.model.states import RUN_TERMINAL, AttemptStatus, Reason, RunStatus, TaskStatus

LOG_LINES = 10
LOG_BYTES = 16 * 1024
SHOWN_ATTEMPTS = 10
NOW_RUNNING = 8


class TaskStory(Telling):
    """Tells about one task."""

    def tell(self) -> tuple[str, list[Fact], list[str]]:
        """The summary, the facts and the advice."""
        tellers = {
            TaskStatus.PENDING: self._pending,
            TaskStatus.RUNNING: self._running,
            TaskStatus.SUCCEEDED: self._succeeded,
            TaskStatus.FAILED: self._failed,
            TaskStatus.STOPPED: self._stopped,
            TaskStatus.SKIPPED: self._skipped,
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
            return self._cached()
        if view.reason == Reason.CAUGHT:
            return self._caught(at)
        if Awaited.is_one(self.task):
            took = f" {phrases.span(view.duration)}" if view.duration is not None else ""
            came = Awaited(self.lineage, self.run.id, self.task, self.now).came()
            return f"Step '{view.name}' waited{took}, and {came} came{at}."
        took = f" in {phrases.span(view.duration)}" if view.duration is not None else ""
        if view.source is not None:
            self._add_forwards()
            return f"Step '{view.name}' succeeded{at}: what it returned was step '{view.source}', and that succeeded."
        if len(self.attempts) > 1:
            self.facts.extend(self._attempt_facts())
        worker = self.attempts[-1].worker if self.attempts else view.worker
        on = f" on {worker}" if worker else ""
        return f"Step '{view.name}' ran{on} and succeeded{took}{at}."

    def _cached(self) -> str:
        taken = next((event.at for event in reversed(self.events) if event.reason == Reason.CACHED), self.now)
        entry = None if self.task.cache_key is None else self.inspect.store.cached(self.task.cache_key, taken)
        # An entry that is newer than that was written by a later call, in the place of the one that was taken.
        if entry is None or entry.at > taken:
            told = f": {self.view.message}" if self.view.message else ""
            self.facts.append(Fact(kind="cached", text=f"The call was in the cache{told}."))
        else:
            text = (
                f"An equal call had been made before: step '{entry.name}' of run '{entry.run_id}', saved at "
                f"{phrases.when(entry.at, self.now)}."
            )
            self.facts.append(Fact(kind="cached", text=text, run=entry.run_id, step=entry.name, at=entry.at))
        at = phrases.when(taken, self.now)
        return f"Step '{self.view.name}' did not run: its result was taken from the cache at {at}."

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
            self._add_skip(self.task)
            if Awaited.is_one(self.task):
                return f"Step '{view.name}' failed because step '{view.source}', which it waited for, failed{told}."
            return f"Step '{view.name}' failed because step '{view.source}', which it led to, failed{told}."
        self._add_skip(self.task)
        if Awaited.is_one(self.task):
            return f"Step '{view.name}' failed, because {self._cause(view.reason)}{told}."
        self.facts.extend(self.failure())
        if self.view.kind != WORK:  # what a work writes goes to its app's own output
            logs = f"manyhands tasks logs {quote(self.run.id)} {quote(view.name)}"
            self.advice.append(f"All of what it wrote: `{logs}`.")
        tries = f" after {phrases.count(len(self.attempts), 'attempt')}" if self.attempts else ""
        return f"Step '{view.name}' failed{tries}, because {self._cause(view.reason)}{told}."

    def _stopped(self) -> str:
        event = self.events[-1] if self.events else None
        at = f" at {phrases.when(event.at, self.now)}" if event else ""
        why = "its run was canceled" if self.run.status is RunStatus.CANCELED else self._cause(self.view.reason)
        self.facts.extend(self.failure())
        self.advice.append(going_on(self.lineage, f"`{phrases.take_up(self.run.kind, self.run.id)}` runs it again."))
        return f"Step '{self.view.name}' was stopped{at}, because {why}."

    def _skipped(self) -> str:
        if self.view.reason != Reason.SKIPPED:
            return self._other()
        at = f" at {phrases.when(self.events[-1].at, self.now)}" if self.events else ""
        self.facts.extend(self.failure())
        if self.view.parent is not None:
            root = self.lineage.asked_for(self.task).name
            return f"Step '{self.view.name}' was passed over{at}, together with the call '{root}' that it is part of."
        return (
            f"Step '{self.view.name}' was passed over{at} (`skip`): the actor's state stayed as it was before, and "
            "the calls after it went on."
        )

    def _other(self) -> str:
        told = f": {self.view.message}" if self.view.message else ""
        return f"Step '{self.view.name}' is {self.view.status.replace('_', ' ')}{told}."

    def _running(self) -> str:
        view = self.view
        if view.forward_to is not None:
            self._add_forwards()
            return f"Step '{view.name}' has run; it waits for step '{view.forward_to}', which it returned."
        if Awaited.is_one(self.task):
            return f"Step '{view.name}' waits {self._add_awaited()}; it occupies no worker."
        since = f" since {phrases.when(view.started_at, self.now)}" if view.started_at is not None else ""
        tries = f", attempt {view.attempt}" if view.attempt > 1 else ""
        on = f" on {view.worker}" if view.worker else ""
        return f"Step '{view.name}' is running{on}{since}{tries}."

    def _add_awaited(self) -> str:
        awaited = Awaited(self.lineage, self.run.id, self.task, self.now)
        due = self.task.due_at
        if due is not None:
            text = f"{awaited.at_the_end()} {phrases.when(due, self.now)}."
            self.facts.append(Fact(kind="due", text=text, at=due))
        for step in awaited.steps()[:SHOWN_ATTEMPTS]:
            text = f"It waits for '{step.name}', which {self._state(step)}."
            self.facts.append(Fact(kind="upstream", text=text, step=step.name))
        if awaited.key is not None:
            text = f"It is given the next signal '{awaited.key}' that no other step has taken."
            self.facts.append(Fact(kind="signal", text=text, data={"key": awaited.key}))
        advice = awaited.advice()
        if advice is not None:
            self.advice.append(advice)
        return awaited.words()

    def _pending(self) -> str:
        name, status = self.view.name, self.run.status
        if status is RunStatus.RESUMABLE and Awaited.is_one(self.task) and self.task.status is TaskStatus.RUNNING:
            awaited = self._add_awaited()
            self.advice.append(
                f"Take the run up: `{phrases.take_up(self.run.kind, self.run.id)}`. What has come meanwhile counts."
            )
            return f"Step '{name}' waits {awaited}; but the run's driver is gone."
        if status is RunStatus.RESUMABLE:
            command = phrases.take_up(self.run.kind, self.run.id)
            self.advice.append(going_on(self.lineage, f"Take the run up: `{command}`."))
            begun = "was begun, but not finished" if self.view.reason == Reason.DRIVER_LOST else "has not run yet"
            return f"Step '{name}' {begun}: the run's driver is gone."
        if status is RunStatus.PENDING:
            self.advice.append("An engine takes the run up: `manyhands engine start --background`.")
            return f"Step '{name}' has not run yet: its run waits for an engine."
        unmet = self.lineage.unmet(self.task)
        if status in RUN_TERMINAL:
            return self._never_ran(unmet)
        if unmet:
            return self._waits_for(unmet)
        if self.view.due_at is not None and self.view.due_at > self.now and not Awaited.is_one(self.task):
            return self._waits_for_retry(self.view.due_at)
        return self._waits_for_turn()

    def _never_ran(self, unmet: list[TaskRecord]) -> str:
        name, status = self.view.name, self.run.status
        origins = [] if status is RunStatus.CANCELED else list(self.lineage.origins(self.task))
        if origins:
            self._add_origins([origin.ordinal for origin in origins])
            names = phrases.some([origin.name for origin in origins])
            if self._add_queue(origins):
                return f"Step '{name}' has not run: {names}, which comes before it among the actor's calls, failed."
            return f"Step '{name}' never ran: it needs the result of {names}, which failed."
        if status is RunStatus.FAILED and self.run.source is not None:
            why = f"the run failed at step '{self.run.source}' before it came to this one"
        else:
            why = f"the run was over ({status}) before it came to this one"
        if unmet:
            self.facts.append(Fact(kind="upstream", text=f"It waited for {phrases.some([t.name for t in unmet])}."))
        return f"Step '{name}' never ran: {why}."

    def _add_queue(self, origins: list[TaskRecord]) -> bool:
        """Whether it is the calls before it that keep a call of an actor from running; says how to go on."""
        if self.lineage.call_before(self.task) is None:
            return False
        for origin in origins:
            self._add_skip(origin)
        return True

    def _add_skip(self, task: TaskRecord) -> None:
        """How to go on behind a failed call of an actor."""
        call = self.lineage.asked_for(task)
        if self.run.kind != ACTOR or call.kind == ACTOR_INIT:
            return
        skip = f"manyhands runs skip {quote(self.run.id)} {quote(call.name)}"
        advice = f"It is tried again with the next call; `{skip}` passes it over and goes on with the calls after it."
        if advice not in self.advice:
            self.advice.append(advice)

    def _waits_for(self, unmet: list[TaskRecord]) -> str:
        before = self.lineage.call_before(self.task)
        origins = list(self.lineage.origins(self.task))
        if before is not None and before.ordinal in {one.ordinal for one in unmet}:
            return self._waits_for_call(before, unmet, origins)
        self._add_unmet(unmet)
        if origins:
            self._add_origins([origin.ordinal for origin in origins])
            names = phrases.some([origin.name for origin in origins])
            return f"Step '{self.view.name}' cannot run: it needs the result of {names}, which failed."
        return f"Step '{self.view.name}' waits for its inputs: {phrases.some([task.name for task in unmet])}."

    def _waits_for_call(self, before: TaskRecord, unmet: list[TaskRecord], origins: list[TaskRecord]) -> str:
        """Of a call of an actor that waits for the one before it, and perhaps for inputs."""
        text = f"The call before it is '{before.name}', which {self._state(before)}."
        self.facts.append(Fact(kind="call_before", text=text, step=before.name))
        inputs = [one for one in unmet if one.ordinal != before.ordinal]
        self._add_unmet(inputs)
        if origins:
            self._add_origins([origin.ordinal for origin in origins])
            self._add_queue(origins)
            names = phrases.some([origin.name for origin in origins])
            return f"Step '{self.view.name}' cannot run: {names}, which comes before it, failed."
        also = f", and for its inputs: {phrases.some([one.name for one in inputs])}" if inputs else ""
        return f"Step '{self.view.name}' waits for the call before it, '{before.name}'{also}."

    def _add_unmet(self, unmet: list[TaskRecord]) -> None:
        for upstream in unmet[:SHOWN_ATTEMPTS]:
            text = f"It needs '{upstream.name}', which {self._state(upstream)}."
            self.facts.append(Fact(kind="upstream", text=text, step=upstream.name))
        moving = [task.name for task in self.lineage.moving(self.task) if task.name not in {u.name for u in unmet}]
        if moving:
            text = f"In the end it waits for {phrases.some(moving)}."
            self.facts.append(Fact(kind="moving", text=text, data={"steps": moving}))

    def _waits_for_retry(self, due: float) -> str:
        self.facts.extend(self._attempt_facts())
        text = f"It is due at {phrases.when(due, self.now)}."
        self.facts.append(Fact(kind="retry_due", text=text, at=due))
        return f"Step '{self.view.name}' waits to be tried again, because {self._cause(self._last_cause())}."

    def _waits_for_turn(self) -> str:
        name = self.view.name
        options = msgspec.convert(self.view.options, TaskOptions)
        working = [task.name for task in self.lineage.working()]
        if self.view.reason == Reason.FLIGHT:
            return f"Step '{name}' waits for an equal call, which is being computed now and whose result it will take."
        if working:
            verb = "is" if len(working) == 1 else "are"
            text = f"{phrases.count(len(working), 'step')} of this run {verb} running now: {phrases.some(working)}."
            self.facts.append(Fact(kind="running_now", text=text, data={"steps": working[:NOW_RUNNING]}))
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
        is_actor = self.run.kind == ACTOR
        if view.ordinal == self.record.entry:
            text = "It is the actor's latest call." if is_actor else "Its result is the result of the run."
            self.facts.append(Fact(kind="entry", text=text))
        needing = [task.name for task in self.lineage.needing(self.task)]
        if needing:
            text = f"Its result is an input of {phrases.some(needing)}."
            self.facts.append(Fact(kind="needed_by", text=text, data={"steps": needing}))
        elif view.parent is None and view.ordinal != self.record.entry and not is_actor:
            self.facts.append(Fact(kind="called_by", text="The run was made with it."))
        before = self.lineage.call_before(self.task)
        if before is not None and not any(fact.kind == "call_before" for fact in self.facts):
            text = f"Its call came after '{before.name}', which {self._state(before)}."
            self.facts.append(Fact(kind="call_before", text=text, step=before.name))

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


def _plain(attempt: AttemptView) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(attempt)
    return found
