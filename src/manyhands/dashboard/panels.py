"""The tabs of an app's page, and what each shows."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from nicegui import ui

from manyhands.dashboard.overview import Overview, Plain, Work
from manyhands.dashboard.parts import Words, box
from manyhands.dashboard.tree import Acts, Tree

URL_STARTS = ("http://", "https://", "/")


class Shown(NamedTuple):
    """What a tab shows: the page at `address`, or else the tree of a component."""

    name: str
    component: str
    address: str = ""


OVERVIEW = Shown("Overview", "root")


class Panels:
    """The overview, and beside it what an app has tabs for.

    A panel is made anew when that which it shows has become another; when tabs come or go, all are. The user stays
    where he is, with what he has opened.
    """

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._holder = box("main")
        self._shown: list[Shown] = []
        self._panels: list[ui.element] = []
        self._trees: dict[int, Tree] = {}
        self._chosen: ui.tab_panels | None = None

    def put(self, seen: Overview, tabs: list[Plain]) -> None:
        """Show the app as it is now, with these tabs."""
        before, self._shown = self._shown, [OVERVIEW, *(_shown(seen, tab) for tab in tabs)]
        if [shown.name for shown in before] != [shown.name for shown in self._shown]:
            self._build(before)
        else:
            for number, (old, shown) in enumerate(zip(before, self._shown, strict=True)):
                if old != shown:
                    self._fill(number)
        for tree in self._trees.values():
            tree.put(seen)

    def tick(self) -> bool:
        """Move the durations on; False when nothing is under way."""
        under_way = [tree.tick() for tree in self._trees.values()]  # each of them, so no `any` that stops early
        return any(under_way)

    def _build(self, before: list[Shown]) -> None:
        opened = {before[number].name: tree.opened for number, tree in self._trees.items()}
        chosen = "" if self._chosen is None else before[int(str(self._chosen.value))].name
        self._holder.clear()
        self._trees.clear()
        self._panels, self._chosen = [self._holder], None
        if len(self._shown) > 1:
            with self._holder:
                self._add_bar([shown.name for shown in self._shown], chosen)
        for number, shown in enumerate(self._shown):
            self._fill(number, opened.get(shown.name, ()))

    def _add_bar(self, names: list[str], chosen: str) -> None:
        with ui.tabs().props("align=left no-caps inline-label outside-arrows mobile-arrows") as bar:
            for number, name in enumerate(names):
                ui.tab(str(number), name).props(":ripple=false")
        first = str(names.index(chosen) if chosen in names else 0)
        with ui.tab_panels(bar, value=first, animated=False, keep_alive=True) as self._chosen:
            self._panels = [ui.tab_panel(str(number)) for number in range(len(names))]

    def _fill(self, number: int, opened: Collection[str] = ()) -> None:
        name, component, address = self._shown[number]
        self._trees.pop(number, None)
        self._panels[number].clear()
        with self._panels[number]:
            if address:
                words = "Open in a window of its own"
                link = Words("a", words, "elsewhere", href=address, target="_blank", rel="noopener")
                link.props["aria-label"] = f"Open {name} in a window of its own"
                box("iframe", "frame", src=address, title=name)
            else:
                self._trees[number] = Tree(component, self._acts, opened)


def _shown(seen: Overview, tab: Plain) -> Shown:
    content = tab["content"]
    if tab["kind"] == "url":
        address = content
    else:
        found = seen.find(content)
        address = found.url if isinstance(found, Work) else ""
    return Shown(tab["name"], content, address if address.startswith(URL_STARTS) else "")
