"""What the head of a page says of an app."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

Plain = dict[str, Any]


def head_of(about: Plain) -> str:
    """The tags for `about`, as `AppView.about` gives it; all values are escaped."""
    return "".join(_tag(name, attributes) for name, attributes in _tags(about))


def _tags(about: Plain) -> Iterator[tuple[str, dict[str, str]]]:
    description, image = about.get("description"), about.get("image")
    if description:
        yield "meta", {"name": "description", "content": description}
    if description or image:
        yield "meta", {"property": "og:title", "content": about.get("title") or ""}
    if description:
        yield "meta", {"property": "og:description", "content": description}
    if image:
        yield "meta", {"property": "og:image", "content": image}
    if about.get("favicon"):
        yield "link", {"rel": "icon", "href": about["favicon"]}
    for attributes in about.get("metas") or ():
        yield "meta", attributes


def _tag(name: str, attributes: dict[str, str]) -> str:
    said = " ".join(f'{attribute}="{escape(value)}"' for attribute, value in attributes.items())
    return f"<{name} {said}>"
