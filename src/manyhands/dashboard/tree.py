"""The tree of an app's flows and works on its page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from nicegui import ui

from manyhands.dashboard.overview import UNDER_WAY, Call, Flow, Overview, Work, can_retry, can_stop, has_failed
from manyhands.dashboard.parts import Attributes, Badge, Words, box, button, duration, explanation, history
from manyhands.dashboard.words import plural

SHOWN_CALLS = 20
"""Calls of one work that are shown at most, the newest ones."""


class Acts(Protocol):
    """What can be done about a work; each says on the page when it could not be done."""

    async def stop_work(self, work: Work) -> None: ...

    async def retry(self, work: Work, call: Call) -> None: ...


def shape(component: Flow | Work) -> object:
    """What a tree is built of: when it is the same, everything else can be changed in place."""
    if isinstance(component, Work):
        return component.name
    return component.name, tuple(map(shape, component.children))


class Opening:
    """A button that opens and closes a part of the page."""

    def __init__(self, title: str, subtitle: str, name: str, toggled: Callable[[], None]) -> None:
        self._button = box("button", "opening", type="button", aria_expanded="false", title=name)
        with self._button:
            Words("span", "", "caret", aria_hidden="true")
            Words("span", title, "name")
            self.subtitle = Words("span", subtitle, "faint")

        def clicked() -> None:
            toggled()

        self._button.on("click", clicked, js_handler="() => emit()")

    def put(self, is_open: bool, controls: ui.element) -> None:
        self._button.props["aria-expanded"] = "true" if is_open else "false"
        self._button.props["aria-controls"] = controls.html_id


class WorkRow:
    """One work: a line, and its calls and attributes below it when it is opened."""

    def __init__(self, work: Work, acts: Acts, is_open: bool, is_over: bool) -> None:
        self._work = work
        self._acts = acts
        self._over = is_over
        self.is_open = is_open
        self._attributes: Attributes | None = None
        self._holder = box("div", "work", data_work=work.name)
        with self._holder:
            with box("div", "line"):
                self._opening = Opening(work.short, work.title, work.name, self._toggle)
                self._badge = Badge(work.stage)
                self._time = Words("span", "", "time")
                self._count = Words("span", "", "faint count")
                with box("span", "acts"):
                    self._stop = button("Stop", self._stop_it, "quiet", f"Stop the work {work.name}")
            self._why = box("div", "why")
            self._body = box("div", "body")
        self._show(work)
        self._show_why()
        self._show_body()

    def put(self, work: Work, is_over: bool) -> None:
        """Show the work as it is now."""
        before, self._work = self._work, work
        over, self._over = self._over, is_over
        self._show(work)
        if work.call != before.call or over != is_over:
            self._show_why()
        if self.is_open and (work.calls != before.calls or work.stage != before.stage or over != is_over):
            self._show_body()
        elif self._attributes is not None:
            self._attributes.put(work.attributes)

    def tick(self) -> bool:
        """Show how long the work is at it now, and say whether it is at anything."""
        self._time.text = duration(self._work.call)
        return self._work.call is not None and self._work.stage in UNDER_WAY

    def _show(self, work: Work) -> None:
        self._badge.put(work.stage)
        self._opening.subtitle.text = work.title
        self._count.text = plural(len(work.calls), "call") if work.calls else ""
        self._stop.set_visibility(can_stop(work) and not self._over)
        self.tick()

    def _show_why(self) -> None:
        call = self._work.call
        self._why.clear()
        self._why.set_visibility(call is not None and has_failed(call))
        if call is not None and self._why.visible:
            with self._why:
                Words("span", call.message or explanation(call.last) or "It failed.", "message")
                self._retry_button(call)

    def _show_body(self) -> None:
        self._opening.put(self.is_open, self._body)
        self._body.set_visibility(self.is_open)
        self._body.clear()
        self._attributes = None
        if self.is_open:
            with self._body:
                self._show_calls(self._work)
                if self._work.attributes:
                    Words("h3", "Attributes")
                    self._attributes = Attributes(self._work.attributes)

    def _show_calls(self, work: Work) -> None:
        Words("h3", "Calls" if work.calls else "No calls yet")
        for call in work.calls[:SHOWN_CALLS]:
            with box("section", "call", data_call=call.key):
                with box("div", "line"):
                    Words("span", call.label, "name")
                    Badge(call.last.stage)
                    Words("span", duration(call) if call.last.stage not in UNDER_WAY else "", "time")
                    Words("span", explanation(call.last), "faint")
                    if call != work.call:
                        self._retry_button(call)
                history(call)
                if call.message:
                    Words("pre", call.message, "message")
        if len(work.calls) > SHOWN_CALLS:
            Words("p", f"{plural(len(work.calls) - SHOWN_CALLS, 'earlier call')} not shown", "faint")

    def _retry_button(self, call: Call) -> None:
        if not can_retry(self._work, call) or self._over:
            return

        async def retry() -> None:
            await self._acts.retry(self._work, call)

        button("Retry", retry, "small", f"Retry {call.label} of {self._work.name}")

    def _toggle(self) -> None:
        self.is_open = not self.is_open
        self._show_body()

    async def _stop_it(self) -> None:
        await self._acts.stop_work(self._work)


class FlowRow:
    """One flow: its name, its attributes when it is opened, and below it its children."""

    def __init__(self, flow: Flow, is_open: bool) -> None:
        self._flow = flow
        self.is_open = is_open
        with box("div", "line"):
            self._opening = Opening(flow.short, "", flow.name, self._toggle)
            self._count = Words("span", _kind(flow), "faint")
        self._body = box("div", "body")
        with self._body:
            self._attributes = Attributes(flow.attributes)
            self._none = Words("p", "No attributes", "faint")
        self._show_body()

    def put(self, flow: Flow) -> None:
        """Show the flow as it is now."""
        self._flow = flow
        self._none.set_visibility(not flow.attributes)
        if self.is_open:
            self._attributes.put(flow.attributes)

    def _show_body(self) -> None:
        self._opening.put(self.is_open, self._body)
        self._body.set_visibility(self.is_open)
        self.put(self._flow)

    def _toggle(self) -> None:
        self.is_open = not self.is_open
        self._show_body()


class Tree:
    """A component and all below it. What a user has opened stays open, and a failure opens nothing by itself.

    `opened`: the names of what is open from the first on.
    """

    def __init__(self, name: str, acts: Acts, opened: Collection[str] = ()) -> None:
        self._name = name
        self._acts = acts
        self._opened = opened
        self._shape: object = None
        self._works: dict[str, WorkRow] = {}
        self._flows: dict[str, FlowRow] = {}
        self._holder = box("div", "tree")

    @property
    def opened(self) -> Collection[str]:
        """The names of what is open."""
        if self._shape is None:
            return self._opened
        return {name for rows in (self._works, self._flows) for name, row in rows.items() if row.is_open}

    def put(self, overview: Overview) -> None:
        """Show the app as it is now."""
        component = overview.find(self._name)
        if component is None:
            return
        if shape(component) != self._shape:
            self._build(component, overview.is_over)
            self._shape = shape(component)
        self._update(component, overview.is_over)

    def tick(self) -> bool:
        """Move the durations on; False when nothing is under way."""
        under_way = [row.tick() for row in self._works.values()]  # each of them, so no `any` that stops early
        return any(under_way)

    def _build(self, component: Flow | Work, is_over: bool) -> None:
        opened = self.opened
        self._holder.clear()
        self._works.clear()
        self._flows.clear()
        with self._holder:
            self._add(component, opened, is_over)

    def _add(self, component: Flow | Work, opened: Collection[str], is_over: bool) -> None:
        is_open = component.name in opened
        if isinstance(component, Work):
            self._works[component.name] = WorkRow(component, self._acts, is_open, is_over)
            return
        with box("div", "flow", data_flow=component.name):
            self._flows[component.name] = FlowRow(component, is_open)
            with box("div", "children"):
                for child in component.children:
                    self._add(child, opened, is_over)

    def _update(self, component: Flow | Work, is_over: bool) -> None:
        if isinstance(component, Work):
            self._works[component.name].put(component, is_over)
            return
        self._flows[component.name].put(component)
        for child in component.children:
            self._update(child, is_over)


def _kind(flow: Flow) -> str:
    count = sum(1 for _ in flow.works())
    parts = [] if flow.is_structure else ["flow"]
    return ", ".join([*parts, plural(count, "work")] if count or not parts else parts)
