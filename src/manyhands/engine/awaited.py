"""What tasks without a body wait for, in words."""

from __future__ import annotations

from shlex import quote

from manyhands.engine import phrases
from manyhands.engine.lineage import Lineage
from manyhands.model.records import TaskRecord
from manyhands.model.specs import SIGNAL, TIMER, WAIT, WAITING
from manyhands.model.states import TASK_TERMINAL, Reason


class Awaited:
    """What one task waits for. Of a task that has a body it tells nothing: ask `is_one` first."""

    def __init__(self, lineage: Lineage, run_id: str, task: TaskRecord, now: float) -> None:
        self._lineage = lineage
        self._run_id = run_id
        self._task = task
        self._now = now

    @staticmethod
    def is_one(task: TaskRecord) -> bool:
        """Whether the task is one that waits in the driver and occupies no worker."""
        return task.kind in WAITING

    @property
    def key(self) -> str | None:
        """The signal's; None where only the user's own code can tell it, and for what waits for no signal."""
        if self._task.kind != SIGNAL:
            return None
        if self._task.reason == Reason.SIGNAL:
            return self._task.message
        found = (self._lineage.arguments(self._task) or {}).get("argument 1")
        return found if isinstance(found, str) else None

    @property
    def needed(self) -> int:
        """How many of its steps have to be done."""
        found = (self._lineage.arguments(self._task) or {}).get("argument 1")
        return found if isinstance(found, int) else 1

    def words(self) -> str:
        """Such as `until 14:05:00 (in 3 min)`, `for the signal 'approved'`, `for 1 of 2 steps: 'a' and 'b'`."""
        task = self._task
        until = "" if task.due_at is None else f"until {phrases.when(task.due_at, self._now)}"
        if task.kind == TIMER:
            return until or "for its time"
        if task.kind == SIGNAL:
            what = "for a signal" if self.key is None else f"for the signal '{self.key}'"
        else:
            names = [one.name for one in self._lineage.upstreams(task)]
            what = f"for {self.needed} of {phrases.count(len(names), 'step')}: {phrases.some(names)}"
        return f"{what}, at most {until}" if until else what

    def came(self) -> str:
        """What has come, of a task that is done."""
        if self._task.kind == SIGNAL and self.key is not None:
            return f"the signal '{self.key}'"
        return "its time" if self._task.kind == TIMER else "what it waited for"

    def at_the_end(self) -> str:
        """What happens when the time comes that it has at most."""
        if self._task.kind == TIMER:
            return "It is due at"
        return "It goes on with what is there at" if self._task.kind == WAIT else "It gives up at"

    def steps(self) -> list[TaskRecord]:
        """The steps that it waits for and that are not over."""
        return [one for one in self._lineage.upstreams(self._task) if one.status not in TASK_TERMINAL]

    def advice(self) -> str | None:
        """How to give it what it waits for."""
        key = self.key
        if key is None:
            return None
        send = f"manyhands runs send {quote(self._run_id)} {quote(key)}"
        return f"Send it: `{send}`, with JSON behind it for a payload; from Python: `workflow.send`."
