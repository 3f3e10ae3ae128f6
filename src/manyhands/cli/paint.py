"""How runs, steps and events look on a terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from manyhands.codecs import plain
from manyhands.engine import phrases
from manyhands.engine.views import EventView, RunView, StateView, TaskView, TreeNode
from manyhands.model.kinds import ACTOR
from manyhands.model.specs import SIGNAL, TIMER, WAITING
from manyhands.model.states import TASK_TERMINAL, Reason, TaskStatus

LOOKS = {
    "not_started": ("○", "dim"),
    "pending": ("·", "dim"),
    "running": ("▶", "cyan"),
    "resumable": ("↻", "yellow"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "lost": ("✗", "red"),
    "stopped": ("■", "yellow"),
    "canceled": ("■", "yellow"),
    "skipped": ("–", "dim"),
}
"""Sign and style of each status."""

FEWEST = 6
"""So many siblings are shown at least before the rest of them is only counted."""

Statuses = Mapping[str, TaskStatus]
"""Statuses of tasks by name."""

Counts = Mapping[TaskStatus, int]

STATE_WIDTH = 100

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What is no sign, but would move the cursor, or colour all that follows."""

NO_FAILURE = frozenset({TaskStatus.SUCCEEDED, TaskStatus.SKIPPED, TaskStatus.PENDING})
FAILURES = TASK_TERMINAL - NO_FAILURE


def status(name: str, beside: str = "") -> Text:
    sign, style = LOOKS.get(name, ("?", ""))
    text = Text(f"{sign} {name.replace('_', ' ')}", style=style)
    return text.append(f" {beside}", style="dim") if beside else text


def one_line(name: str) -> str:
    """An id or a name in one line, as people may have any text in it."""
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def fields(pairs: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values below each other; empty values are left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            made.add_row(name, value if isinstance(value, Text) else Text(value))
    return made


def mapping(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={msgspec.json.encode(value, enc_hook=repr).decode()}" for key, value in values.items())


def seconds(value: float | None) -> str:
    return "" if value is None else phrases.span(value)


def when(at: float | None, now: float) -> str:
    return "" if at is None else phrases.when(at, now)


def how_many_done(counts: Counts | None) -> Text:
    counts = counts or {}
    done = sum(counts.get(one, 0) for one in TASK_TERMINAL)
    text = Text(f"{done:,}/{sum(counts.values()):,}")
    failed = counts.get(TaskStatus.FAILED, 0)
    return text.append(f" {failed:,} failed", style="red") if failed else text


def runs(views: Sequence[RunView], now: float) -> Table:
    made = table("RUN", "KIND", "STATUS", "STEPS", "STARTED", "TOOK", "METADATA")
    for view in views:
        made.add_row(
            Text(one_line(view.id)),
            Text(view.kind, style="dim"),
            status(view.status),
            how_many_done(view.counts),
            when(view.started_at or view.created_at, now),
            seconds(view.duration),
            Text(phrases.first_line(mapping(view.metadata), 60), style="dim"),
        )
    return made


def run(view: RunView, now: float) -> Table:
    driver = view.driver
    by = ""
    if driver is not None:
        gone = "" if driver.alive else ", gone"
        by = f"process {driver.pid} on {driver.host.partition('/')[0]} ({driver.kind}{gone})"
    ended = "" if view.ended_at is None else when(view.ended_at, now)
    return fields(
        [
            ("Run", Text(one_line(view.id), style="bold")),
            ("Kind", view.kind),
            ("Status", status(view.status)),
            ("Version", _version(view)),
            ("Latest call", view.entry or "" if view.kind == ACTOR else ""),
            ("Because", "" if view.source is None else f"step '{view.source}' failed"),
            ("Message", phrases.first_line(view.message)),
            ("Started", when(view.started_at or view.created_at, now)),
            ("Ended", ended),
            ("Took", seconds(view.duration)),
            ("Driver", by),
            ("Fork of", view.forked_from or ""),
            ("Steps", counts(view.counts)),
            ("Metadata", mapping(view.metadata)),
        ]
    )


def _version(view: RunView) -> str:
    if view.kind != ACTOR:
        return ""
    return "none yet: its constructor is not done" if view.version is None else str(view.version)


def states(views: Sequence[StateView]) -> Table:
    made = table("VERSION", "STEP", "WHEN", "STATE")
    for view in views:
        made.add_row(str(view.version), Text(one_line(view.step)), phrases.clock(view.at), Text(state(view)))
    return made


def state(view: StateView) -> str:
    """The state in one line; only how it is saved, where the user's own classes are needed to read it."""
    if view.value is None and view.codec != plain.CODEC:
        return f"({view.codec}, {view.size:,} bytes)"
    text = view.value if isinstance(view.value, str) else repr(view.value)
    return phrases.first_line(text, STATE_WIDTH)


def counts(numbers: Counts | None) -> str:
    parts = [f"{number:,} {name.replace('_', ' ')}" for name, number in (numbers or {}).items()]
    return ", ".join(parts)


def cause(view: TaskView, now: float, others: Statuses | None = None) -> str:
    """Why a task is as it is, in a few words. `others`: the statuses of the run's tasks, when they are at hand."""
    if view.forward_to is not None and view.status is TaskStatus.RUNNING:
        return f"waits for {view.forward_to}"
    if view.kind in WAITING and TaskStatus.RUNNING in (view.status, view.stored):
        return _waiting(view, now)
    if view.status is TaskStatus.PENDING:
        return _pending(view, now, others or {})
    if view.reason == Reason.CACHED:
        return f"cached: {view.message}" if view.message else "cached"
    if view.status is TaskStatus.SKIPPED:
        return "passed over" if view.reason == Reason.SKIPPED else view.reason
    told = phrases.first_line(view.message, 160)
    if view.reason == Reason.CAUGHT:
        return f"caught: {told}" if told else "caught"
    if view.status in FAILURES:
        if view.source is not None and view.source != view.name:
            return f"{view.source} failed"
        return f"{view.reason}: {told}" if told else view.reason
    tries = f"attempt {view.attempt}" if view.attempt > 1 else ""
    return f"as {view.source}" if view.source is not None else tries


def _waiting(view: TaskView, now: float) -> str:
    """What a step waits for that needs no worker. In a run that nobody drives it does so too: the time goes on."""
    until = "" if view.due_at is None else f"until {phrases.when(view.due_at, now)}"
    if view.kind == TIMER:
        return until
    what = f"signal '{view.message}'" if view.kind == SIGNAL else f"some of {_names(view.upstreams)}"
    return f"for {what}, {until}" if until else f"for {what}"


def _pending(view: TaskView, now: float, others: Statuses) -> str:
    if view.reason == Reason.DRIVER_LOST:
        return "begun, not finished"
    if view.reason == Reason.RETRY and view.due_at is not None:
        return f"retry {phrases.ago(view.due_at, now)}, after: {phrases.first_line(view.message, 80)}"
    lost = [name for name in view.upstreams if others.get(name, TaskStatus.PENDING) in FAILURES]
    if lost:
        return f"cannot run: {_names(lost)} failed"
    unmet = [name for name in view.upstreams if others.get(name, TaskStatus.PENDING) not in TASK_TERMINAL]
    return f"after {_names(unmet)}" if unmet else ""


def _names(names: Sequence[str]) -> str:
    return one_line(phrases.some(names, 3).replace("'", ""))


def tasks(views: Sequence[TaskView], now: float) -> Table:
    made = table("STEP", "STATUS", "TOOK", "TRIES", "CAUSE")
    for view in views:
        made.add_row(*_cells(view, "", now, {}))
    return made


def _cells(view: TaskView, indent: str, now: float, others: Statuses) -> list[str | Text]:
    name = Text(indent, style="dim").append(one_line(view.name), style="not dim")
    tries = str(view.attempt) if view.attempt else ""
    return [name, status(view.status), seconds(view.duration), tries, Text(cause(view, now, others), style="dim")]


def tree(roots: Sequence[TreeNode], numbers: Counts, now: float, limit: int) -> tuple[Table, int]:
    """The steps as a tree, in about `limit` lines (0: all of them), and how many steps of the run it leaves out.
    `numbers`: how many there are in all, by status.

    Among many siblings the ones that need a look are shown, and the first few; the rest is counted.
    """
    made = table("STEP", "STATUS", "TOOK", "TRIES", "CAUSE")
    statuses = _statuses(roots)
    left = Counter(numbers)
    walk: list[tuple[Sequence[TreeNode], int, str, bool]] = [(roots, 0, "", True)]
    while walk:
        siblings, position, indent, top = walk.pop()
        if position == 0 and limit:
            siblings = _choose(siblings, max(limit - made.row_count, FEWEST))
        if position >= len(siblings):
            continue
        node = siblings[position]
        last = position == len(siblings) - 1
        made.add_row(*_cells(node.task, indent if top else f"{indent}{'└─ ' if last else '├─ '}", now, statuses))
        left[node.task.status] -= 1
        walk.append((siblings, position + 1, indent, top))
        if node.children and (not limit or made.row_count < limit):
            below = indent if top else f"{indent}{'   ' if last else '│  '}"
            walk.append((node.children, 0, below, False))
    # A run that goes on may have changed between the two looks.
    rest = {name: left[name] for name in TaskStatus if left[name] > 0}
    if rest and made.row_count < sum(numbers.values()):
        made.caption = f"not shown: {counts(rest)}"
        made.caption_justify = "left"
    return made, sum(numbers.values()) - made.row_count


def _statuses(roots: Sequence[TreeNode]) -> Statuses:
    found = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        found[node.task.name] = node.task.status
        waiting.extend(node.children)
    return found


def _choose(siblings: Sequence[TreeNode], room: int) -> list[TreeNode]:
    if len(siblings) <= room:
        return list(siblings)
    wanted = [n for n, node in enumerate(siblings) if node.task.status not in NO_FAILURE or node.children]
    chosen = set(wanted[:room])
    for number in range(len(siblings)):
        if len(chosen) >= room:
            break
        chosen.add(number)
    return [siblings[number] for number in sorted(chosen)]


def event(view: EventView) -> Text:
    text = Text(f"{phrases.clock(view.at)}  ", style="dim")
    text.append(one_line(view.run), style="not dim bold")
    if view.task is not None:
        text.append(f"  {one_line(view.task)}", style="not dim")
    text.append("  ").append_text(status(view.state, view.reason))
    if view.attempt is not None and view.attempt > 1:
        text.append(f" (attempt {view.attempt})")
    if view.message:
        text.append(f"  {phrases.first_line(view.message)}")
    return text
