"""The small parts that pages are made of."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyhands.app.plain import readable
from manyhands.dashboard.overview import UNDER_WAY, Call, Record
from manyhands.dashboard.words import REASONS, clock, plural, span, stage_text

Act = Callable[[], Awaitable[None]]

SHOWN_RECORDS = 30
"""Steps of one call that are shown at most, the newest ones."""


def box(tag: str, classes: str = "", **attributes: str) -> ui.element:
    """An element that holds others."""
    made = ui.element(tag).classes(classes)
    made.props.update({name.replace("_", "-"): value for name, value in attributes.items()})
    return made


class Words(TextElement):
    """An element that holds text, which it shows as it is."""

    def __init__(self, tag: str, text: str, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        self.props.update({name.replace("_", "-"): value for name, value in attributes.items()})


def button(label: str, act: Act, classes: str = "", describe: str = "") -> Words:
    """A button; `describe` is what is read aloud where the label alone says too little."""
    made = Words("button", label, f"button {classes}", type="button")
    if describe:
        made.props["aria-label"] = describe
        made.props["title"] = describe
    made.on("click", act, js_handler="() => emit()")
    return made


class Badge(Words):
    """A stage: a word, and a dot in its colour."""

    def __init__(self, stage: str, text: Callable[[str], str] = stage_text) -> None:
        super().__init__("span", text(stage), f"badge stage-{stage}")
        self._stage = stage
        self._say = text

    def put(self, stage: str) -> None:
        """Show this stage from now on."""
        if stage != self._stage:
            self.classes(remove=f"stage-{self._stage}", add=f"stage-{stage}")
            self._stage = stage
            self.text = self._say(stage)


class Attributes:
    """A component's attributes and their values. A value that changes is replaced where it stands."""

    def __init__(self, attributes: tuple[tuple[str, str], ...]) -> None:
        self._holder = box("dl", "attributes")
        self._values: dict[str, Words] = {}
        self.put(attributes)

    def put(self, attributes: tuple[tuple[str, str], ...]) -> None:
        """Show these from now on."""
        if [name for name, _ in attributes] != list(self._values):
            self._holder.clear()
            self._values.clear()
            with self._holder:
                for name, value in attributes:
                    with box("div"):
                        Words("dt", name)
                        self._values[name] = Words("dd", value)
        for name, value in attributes:
            self._values[name].text = value


def history(call: Call) -> None:
    """What a call went through, step by step."""
    left_out = len(call.records) - SHOWN_RECORDS
    with box("ol", "history", aria_label="History"):
        if left_out > 0:
            Words("li", f"{plural(left_out, 'earlier step')} not shown", "faint")
        for record in call.records[-SHOWN_RECORDS:]:
            with box("li"):
                Badge(record.stage)
                Words("time", clock(record.at), "faint")
                if record.seconds is not None and record.stage in UNDER_WAY:
                    Words("span", span(record.seconds), "lasted")


def explanation(record: Record) -> str:
    """Why a call ended as it did, in a word or two; empty where there is nothing to say."""
    return REASONS.get(record.reason or "", record.reason or "")


def duration(call: Call | None) -> str:
    """How long a call has been under way, or ran; empty where neither can be said."""
    if call is None:
        return ""
    if call.last.stage in UNDER_WAY:
        return span(time.time() - call.last.at)
    ran = call.ran
    return "" if ran is None else span(ran)


def warn(error: Exception) -> None:
    """Say on the page that something could not be done."""
    options: dict[str, Any] = {"multi_line": True, "close_button": "OK", "timeout": 10000}
    ui.notify(readable(str(error)), type="negative", **options)


def tell(text: str) -> None:
    """Say something on the page, for a while."""
    ui.notify(text, multi_line=True, close_button="OK", timeout=10000)


class Question:
    """Asks before something that cannot be taken back, one thing at a time."""

    def __init__(self) -> None:
        self._dialog: ui.dialog | None = None

    async def ask(self, question: str, text: str, yes: str) -> bool:
        """Whether the user means it; False at once while another question stands, as after a second click."""
        if self._dialog is not None:
            return False
        with ui.dialog() as dialog, ui.card().classes("question"):
            Words("h2", question)
            Words("p", text)
            with box("div", "answers"):

                async def no() -> None:
                    dialog.submit(False)

                async def go() -> None:
                    dialog.submit(True)

                button("Cancel", no)
                button(yes, go, "danger")
        self._dialog = dialog
        try:
            return bool(await dialog)
        finally:
            self._dialog = None
            dialog.delete()

    def withdraw(self) -> None:
        """Ask no longer, as if the user did not mean it."""
        if self._dialog is not None:
            self._dialog.submit(False)
