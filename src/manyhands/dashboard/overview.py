"""What the page of an app shows, made of the app's state alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manyhands.app.history import LATEST, START_KEY
from manyhands.app.plain import readable
from manyhands.app.status import WorkStageStatus, moment

Plain = dict[str, Any]

BLOCKING = "blocking"
FAILED = "failed"
OVER = frozenset({"stopping", "stopped", "failed", "succeeded"})
"""Stages of an app that takes no orders any more."""

UNDER_WAY = frozenset({WorkStageStatus.PENDING, WorkStageStatus.RUNNING})
"""Stages that last until something happens."""

WITHOUT_PROCESS = frozenset({WorkStageStatus.NOT_STARTED, WorkStageStatus.STOPPED})
LONGEST_VALUE = 300
"""Characters of an attribute's value that are shown."""


@dataclass(frozen=True)
class Record:
    """One step of a call's history; `seconds` it lasted, None for the last one."""

    stage: str
    at: float
    seconds: float | None
    reason: str | None
    message: str | None


@dataclass(frozen=True)
class Call:
    """One call of a work: its `records`, oldest first. `label`: what it was called with, where that is known."""

    key: str
    label: str
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        return self.records[-1]

    @property
    def message(self) -> str | None:
        """What was said last about it: a work that is stopped later still shows how its call failed."""
        return next((record.message for record in reversed(self.records) if record.message), None)

    @property
    def ran(self) -> float | None:
        """Seconds that its last try ran; None when it has not begun, or has not ended."""
        for record in reversed(self.records):
            if record.stage == WorkStageStatus.RUNNING:
                return record.seconds
        return None


@dataclass(frozen=True)
class Work:
    """A work: its calls, newest first, and its public attributes."""

    name: str
    short: str
    title: str
    stage: str
    since: float | None
    call: Call | None
    calls: tuple[Call, ...]
    attributes: tuple[tuple[str, str], ...]
    url: str


@dataclass(frozen=True)
class Flow:
    """A flow and what is below it; or a structure, which only holds others."""

    name: str
    short: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Flow | Work, ...]
    is_structure: bool = False

    def works(self) -> Iterator[Work]:
        """Its works, and those of the flows below."""
        for child in self.children:
            if isinstance(child, Work):
                yield child
            else:
                yield from child.works()


@dataclass(frozen=True)
class Overview:
    """The whole app. `counts`: how many works are in which stage. `message`: why it has failed, where that is known."""

    stage: str
    root: Flow
    message: str = ""

    @property
    def counts(self) -> Counter[str]:
        return Counter(work.stage for work in self.root.works())

    @property
    def is_over(self) -> bool:
        return self.stage in OVER

    def find(self, name: str) -> Flow | Work | None:
        """The component of this name."""
        return _find(self.root, name)


def overview(state: Plain) -> Overview:
    """What an app's state says; `state` as its `snapshot()` gives it."""
    own = state.get("app_state", {})
    message = readable(own.get("message") or "")
    return Overview(own.get("stage", "running"), _flow("root", "root", state), message)


def can_stop(work: Work) -> bool:
    """Whether the work has, or will have, a process that could be ended."""
    return work.stage not in WITHOUT_PROCESS


def has_failed(call: Call) -> bool:
    """Whether the call has failed, also when its work was stopped since."""
    stages = [record.stage for record in call.records]
    while stages and stages[-1] == WorkStageStatus.STOPPED:
        stages.pop()
    return stages[-1:] == [WorkStageStatus.FAILED]


def can_retry(work: Work, call: Call) -> bool:
    """Whether the call may be made once more."""
    return call.last.stage == WorkStageStatus.FAILED and work.stage != WorkStageStatus.STOPPED


def _find(component: Flow | Work, name: str) -> Flow | Work | None:
    if component.name == name:
        return component
    if isinstance(component, Flow):
        for child in component.children:
            found = _find(child, name)
            if found is not None:
                return found
    return None


def _flow(name: str, short: str, state: Plain, is_structure: bool = False) -> Flow:
    children = [child for kind in ("works", "flows", "structures") for child in _children(name, state, kind)]
    return Flow(name, short, _attributes(state), tuple(children), is_structure)


def _children(name: str, state: Plain, kind: str) -> Iterator[Flow | Work]:
    for short, child in state.get(kind, {}).items():
        below = f"{name}.{short}"
        yield _work(below, short, child) if kind == "works" else _flow(below, short, child, kind == "structures")


def _work(name: str, short: str, state: Plain) -> Work:
    calls = state.get("calls", {})
    made = [_call(key, entry) for key, entry in calls.items() if isinstance(entry, dict) and entry.get("statuses")]
    made.sort(key=lambda call: call.records[0].at, reverse=True)
    latest = next((call for call in made if call.key == calls.get(LATEST)), None)
    values = state.get("vars", {})
    return Work(
        name=name,
        short=short,
        title=values.get("_display_name") or "",
        stage=WorkStageStatus.NOT_STARTED if latest is None else latest.last.stage,
        since=None if latest is None else latest.last.at,
        call=latest,
        calls=tuple(made),
        attributes=_attributes(state),
        url=values.get("_url") or "",
    )


def _call(key: str, entry: Plain) -> Call:
    ordered = sorted(entry["statuses"], key=moment)
    ends = [record["timestamp"] for record in ordered[1:]]
    records = [
        Record(
            stage=record["stage"],
            at=record["timestamp"],
            seconds=None if end is None else end - record["timestamp"],
            reason=record.get("reason"),
            message=record.get("message"),
        )
        for record, end in zip(ordered, [*ends, None], strict=True)
    ]
    return Call(key, "start" if key == START_KEY else f"call {key}", tuple(records))


def _attributes(state: Plain) -> tuple[tuple[str, str], ...]:
    public = {name: value for name, value in state.get("vars", {}).items() if not name.startswith("_")}
    return tuple((name, _short(value)) for name, value in public.items())


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
