"""What a flow shows on the app's page: its `configure_layout`, checked and turned into plain data."""

from __future__ import annotations

from typing import Any

from manyhands.app.errors import UnfitContent, UnfitLayout
from manyhands.app.frontend import Frontend, StaticWebFrontend

Tab = dict[str, Any]
"""One tab: `name`, `content` (a component's name or a URL), and `target`, the URL that is shown, where there is one."""

Layout = list[Tab] | Tab
"""The tabs of a flow, or `{"target": URL or ""}` where a frontend has the whole of it."""

URL_STARTS = ("http://", "https://")
"""What is shown in a frame; anything else, such as a script, is not."""


def default_layout(flow: Any) -> list[Tab]:
    """One tab for each child flow."""
    return [{"name": name, "content": child} for name, child in flow._children_("flows").items()]


def layout_of(flow: Any) -> Layout:
    """The layout that `configure_layout` of a flow gives now, as plain data.

    An address that is not known yet, which is "" or begins with "/" as long as the work before it has no URL, is a tab
    that shows nothing. Errors: `UnfitLayout` (a `TypeError`) for another kind of value; `UnfitContent` (a `ValueError`)
    for a tab without content or with something that cannot be shown.
    """
    given = flow.configure_layout()
    if isinstance(given, Frontend):
        given.flow = flow
        return {"target": given.url}
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list | tuple):
        raise UnfitLayout(type(flow).__name__, type(given).__name__)
    tabs: list[Tab] = []
    for entry in given:
        if not isinstance(entry, dict):
            raise UnfitLayout(type(flow).__name__, f"a list with a {type(entry).__name__}")
        tabs.append(_tab(flow, entry, len(tabs)))
    return tabs


def frontend_of(component: Any) -> Frontend | None:
    """The frontend that a flow or work shows, if that is what it shows."""
    given = component.configure_layout()
    return given if isinstance(given, Frontend) else None


def frontends_of(root: Any) -> list[tuple[Any, Frontend]]:
    """The frontends that need a server of their own, each with the component that shows it."""
    found = []
    for component in (root, *root.flows.values(), *root.works()):
        frontend = frontend_of(component)
        if frontend is not None and not isinstance(frontend, StaticWebFrontend):
            found.append((component, frontend))
    return found


def _tab(flow: Any, entry: dict[str, Any], index: int) -> Tab:
    if "content" not in entry:
        raise UnfitContent(type(flow).__name__, f"is missing a key 'content'. It is {entry!r}")
    content = entry["content"]
    tab: Tab = {key: value for key, value in entry.items() if key not in ("name", "content")}
    if isinstance(content, str):
        target = _target_of_text(flow, content)
        tab.update(content=target, target=target)
    elif hasattr(content, "_FLOW_"):
        tab["content"] = content.name
        if not content._FLOW_:
            tab["target"] = _target_of_work(content)
    else:
        raise UnfitContent(type(flow).__name__, f"has the unsupported content {content!r}")
    return {"name": str(entry.get("name") or _name_of(content, index)), **tab}


def _name_of(content: Any, index: int) -> str:
    return f"Tab {index + 1}" if isinstance(content, str) else str(content.name).rpartition(".")[2]


def _target_of_text(component: Any, text: str) -> str:
    if not text or text.startswith("/"):
        return ""
    if not text.startswith(URL_STARTS):
        raise UnfitContent(type(component).__name__, f"has the content {text!r}, which is no URL")
    return text


def _target_of_work(work: Any) -> str:
    shown = work.configure_layout()
    if shown is None:
        return ""
    if isinstance(shown, str):
        return _target_of_text(work, shown)
    if isinstance(shown, Frontend):
        shown.flow = work
        return shown.url
    raise UnfitLayout(type(work).__name__, type(shown).__name__)
