"""Explanations from the journal: why a run or a task is as it is."""

from __future__ import annotations

from shlex import quote

import msgspec

from manyhands.engine import phrases
from manyhands.engine.awaited import Awaited
from manyhands.engine.inspect import Inspect
from manyhands.engine.lineage import Lineage
from manyhands.engine.story import TaskStory
from manyhands.engine.telling import Fact, going_on
from manyhands.engine.views import EventView, RunView
from manyhands.model.kinds import ACTOR
from manyhands.model.specs import ACTOR_INIT
from manyhands.model.states import Reason, RunStatus, TaskStatus

FIRST_FAILED = 5
FIRST_WAITING = 5
PAST = 5_000
"""Events: so far back the run's own ones are looked for."""


class Explanation(msgspec.Struct, kw_only=True):
    """Why something is as it is: one sentence, the facts behind it, and what can be done next.

    `task` is None when the run was asked about. `advice`: sentences that name a command.
    """

    run: str
    task: str | None
    status: str
    summary: str
    facts: list[Fact] = []
    advice: list[str] = []

    def lines(self) -> list[str]:
        """The whole as text."""
        found = [self.summary]
        for fact in self.facts:
            first, *rest = fact.text.splitlines() or [""]
            found.append(f"  {first}")
            found.extend(f"    {line}" for line in rest)
        return found + self.advice


def explain(inspect: Inspect, run_id: str, task_name: str | None = None) -> Explanation:
    """Why the run, or one of its tasks, is as it is. Errors: `RunNotFound`, `TaskNotFound`."""
    view = inspect.run(run_id)
    if task_name is None:
        return _RunStory(inspect, view).tell()
    story = TaskStory(inspect, view, inspect.task(run_id, task_name))
    summary, facts, advice = story.tell()
    return Explanation(
        run=run_id, task=task_name, status=story.view.status, summary=summary, facts=facts, advice=advice
    )


class _RunStory:
    def __init__(self, inspect: Inspect, run: RunView) -> None:
        self.inspect = inspect
        self.run = run
        self.now = inspect.now()
        self.lineage = Lineage(inspect.store, inspect.run_record(run.id))
        latest = inspect.last_events(PAST, run.id)
        self.past = [event for event in latest if event.task is None]
        self.past_is_cut = len(latest) == PAST
        self.facts: list[Fact] = []
        self.advice: list[str] = []

    def tell(self) -> Explanation:
        tellers = {
            RunStatus.PENDING: self._pending,
            RunStatus.RUNNING: self._running,
            RunStatus.RESUMABLE: self._resumable,
            RunStatus.SUCCEEDED: self._succeeded,
            RunStatus.FAILED: self._failed,
            RunStatus.CANCELED: self._canceled,
        }
        summary = tellers[self.run.status]()
        self._add_counts()
        self._add_past()
        return Explanation(
            run=self.run.id,
            task=None,
            status=self.run.status,
            summary=summary,
            facts=self.facts,
            advice=self.advice,
        )

    def _when(self, at: float | None) -> str:
        return "at an unknown time" if at is None else f"at {phrases.when(at, self.now)}"

    def _pending(self) -> str:
        self.advice.append(
            "An engine takes it up: `manyhands engine start --background`; `manyhands engine status` shows whether "
            "one is there."
        )
        return f"Run '{self.run.id}' was handed over {self._when(self.run.created_at)} and waits for an engine."

    def _running(self) -> str:
        run = self.run
        driver = run.driver
        by = f" by process {driver.pid} on {driver.host.partition('/')[0]} ({driver.kind})" if driver else ""
        progress = self.inspect.progress(run.id)
        working = [task.name for task in self.lineage.working()]
        if working:
            self.facts.append(Fact(kind="running_now", text=f"Running now: {phrases.some(working)}."))
        self._add_waiting()
        if progress.rate and working:
            left = f"; about {phrases.span(progress.left)} left" if progress.left is not None else ""
            self.facts.append(Fact(kind="rate", text=f"{progress.rate:.3g} steps are done per second{left}."))
        self._add_failures()
        return f"Run '{run.id}' is running{by}, since {phrases.when(run.started_at or run.created_at, self.now)}."

    def _resumable(self) -> str:
        run = self.run
        how = f"Take it up: `{phrases.take_up(run.kind, run.id)}`. What is done is not done again."
        self.advice.append(going_on(self.lineage, how))
        self._add_waiting()
        if run.driver is None:
            lost = next((event for event in reversed(self.past) if event.state == RunStatus.RESUMABLE), None)
            told = f": {lost.message.rstrip('.')}" if lost and lost.message else ""
            at = f" {self._when(lost.at)}" if lost else ""
            return f"Run '{run.id}' can be resumed: nobody drives it since its driver let go of it{at}{told}."
        driver = run.driver
        where = f"process {driver.pid} on {driver.host.partition('/')[0]}"
        last = self.inspect.last_events(1, run.id)
        if last:
            text = f"The last that is known of it was written {self._when(last[-1].at)}."
            self.facts.append(Fact(kind="last_event", text=text, at=last[-1].at))
        if driver.expires_at <= self.now:
            how = f"has sent no heartbeat in time; its lease ended {self._when(driver.expires_at)}"
        else:
            how = "is gone: it ended, or was killed, without finishing the run"
        return f"Run '{run.id}' can be resumed: its driver, {where}, {how}."

    def _succeeded(self) -> str:
        run = self.run
        if run.kind == ACTOR:
            return self._at_rest()
        took = f" in {phrases.span(run.duration)}" if run.duration is not None else ""
        return f"Run '{run.id}' succeeded{took}, {self._when(run.ended_at)}."

    def _at_rest(self) -> str:
        run = self.run
        self.advice.append(f"What it was and is: `manyhands runs states {quote(run.id)}`.")
        if run.version is None:
            return f"Actor '{run.id}' is at rest and has no state yet."
        return f"Actor '{run.id}' is at rest, in version {run.version}; its last call ended {self._when(run.ended_at)}."

    def _failed(self) -> str:
        run = self.run
        how = f"When the cause is mended, `{phrases.take_up(run.kind, run.id)}` runs what failed and what is left."
        self.advice.append(going_on(self.lineage, how))
        told = f": {phrases.first_line(run.message)}" if run.message else ""
        ended = next((e for e in reversed(self.past) if e.state == RunStatus.FAILED), None)
        at = self._when(run.ended_at or (ended.at if ended else None))
        if run.source is None:
            return f"Run '{run.id}' failed {at}{told}."
        story = TaskStory(self.inspect, run, self.inspect.task(run.id, run.source))
        self.facts.extend(story.failure())
        self._add_skip(story)
        self.advice.insert(0, f"More on that step: `manyhands why {quote(run.id)} {quote(run.source)}`.")
        self._add_failures(besides=run.source)
        return f"Run '{run.id}' failed {at}, because its step '{run.source}' failed{told}."

    def _add_waiting(self) -> None:
        """What the run waits for that no worker can hasten."""
        waiting = self.lineage.waiting()
        for task in waiting[:FIRST_WAITING]:
            awaited = Awaited(self.lineage, self.run.id, task, self.now)
            text = f"Waiting now: '{task.name}', {awaited.words()}."
            self.facts.append(Fact(kind="waiting", text=text, step=task.name))
            advice = awaited.advice()
            if advice is not None and advice not in self.advice:
                self.advice.append(advice)
        if len(waiting) > FIRST_WAITING:
            text = f"{phrases.count(len(waiting) - FIRST_WAITING, 'more step')} wait as well."
            self.facts.append(Fact(kind="waiting", text=text))

    def _add_skip(self, story: TaskStory) -> None:
        """How an actor may go on without the call that failed."""
        call = self.lineage.asked_for(story.task)
        if self.run.kind != ACTOR or call.kind == ACTOR_INIT:
            return
        skip = f"manyhands runs skip {quote(self.run.id)} {quote(call.name)}"
        self.advice.append(f"`{skip}` passes that call over and goes on with the calls after it.")

    def _canceled(self) -> str:
        run = self.run
        event = self._last(Reason.CANCELED)
        at = self._when(event.at if event else run.ended_at)
        message = event.message if event else run.message
        how = f"Take it up again: `{phrases.take_up(run.kind, run.id)}`."
        self.advice.append(going_on(self.lineage, how))
        return f"Run '{run.id}' was canceled {at}{f': {message}' if message else ''}."

    def _add_counts(self) -> None:
        counts = self.run.counts or {}
        parts = [f"{number:,} {status.replace('_', ' ')}" for status, number in counts.items()]
        if parts:
            total = phrases.count(sum(counts.values()), "step")
            self.facts.append(
                Fact(kind="counts", text=f"{total}: {', '.join(parts)}.", data={str(k): n for k, n in counts.items()})
            )

    def _add_past(self) -> None:
        run = self.run
        if run.forked_from is not None:
            text = f"It is a fork of run '{run.forked_from}': what the fork left as it was is not done again."
            self.facts.append(Fact(kind="fork", text=text, run=run.forked_from))
        calls = [event for event in self.past if event.reason == Reason.CALLED]
        if calls:
            often = f"{'at least ' if self.past_is_cut else ''}{phrases.times(len(calls))}"
            text = f"It was called {often} while nobody drove it, last {self._when(calls[-1].at)}."
            self.facts.append(Fact(kind="called", text=text, at=calls[-1].at))
        resumes = [event for event in self.past if event.reason == Reason.RESUMED]
        if resumes:
            text = f"It was taken up {phrases.times(len(resumes))}, last {self._when(resumes[-1].at)}."
            self.facts.append(Fact(kind="resumed", text=text, at=resumes[-1].at))

    def _add_failures(self, besides: str | None = None) -> None:
        failed = self.inspect.tasks(self.run.id, statuses=(TaskStatus.FAILED,), limit=FIRST_FAILED + 1)
        names = [task.name for task in failed if task.name != besides and task.source is None]
        if names:
            beside = "Also failed" if besides else "Failed"
            self.facts.append(Fact(kind="failed_steps", text=f"{beside}: {phrases.some(names, FIRST_FAILED)}."))

    def _last(self, reason: Reason) -> EventView | None:
        return next((event for event in reversed(self.past) if event.reason == reason), None)
