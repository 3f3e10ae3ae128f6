"""Lets one line of the navigation stand for all pages of a folder, so that a new page needs no second edit."""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

# Pages about the folder itself: the index first, what is no page of the series last.
FIRST, LAST = ("index.md",), ("dependencies.md", "template.md")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = [_expanded(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return config


def _expanded(entry: Any, docs: Path) -> Any:
    match entry:
        case dict():
            return {title: _expanded(target, docs) for title, target in entry.items()}
        case str() if entry.endswith("/*"):
            folder = docs / entry.removesuffix("/*")
            pages = sorted(folder.glob("*.md"), key=lambda page: (_rank(page.name), page.name))
            if not pages:
                raise PluginError(f"mkdocs.yml names {entry}, but there is no page in {folder}")
            return [page.relative_to(docs).as_posix() for page in pages]
    return entry


def _rank(name: str) -> int:
    return 0 if name in FIRST else 2 if name in LAST else 1
