"""Writes the reference of the command line from the help that the command line itself gives."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from manyhands.cli.main import app

MARKUP = re.compile(r"\[/?(bold|dim|italic|underline|red|green|blue|yellow|cyan|magenta)[a-z ]*\]|\[/\]")


def on_page_markdown(markdown: str, **_: Any) -> str:
    if "[[commands]]" in markdown:
        markdown = markdown.replace("[[commands]]", _commands())
    return markdown


def _commands() -> str:
    root = typer.main.get_command(app)
    return "\n\n".join(_sections(root, "manyhands", None))


def _sections(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=name.split()[-1], parent=parent)
    children = getattr(command, "commands", {})
    shown = {key: child for key, child in sorted(children.items()) if not child.hidden}
    level = "#" * (2 + len(name.split()) - 1)
    yield f"{level} `{name}`"
    if command.help:
        yield _plain(command.help)
    if not shown:
        yield f"```text\n{command.get_usage(context)}\n```"
    yield from _parameters(command, context)
    for key, child in shown.items():
        yield from _sections(child, f"{name} {key}", context)


def _parameters(command: Any, context: Any) -> Iterator[str]:
    rows = [(p.get_help_record(context) or (p.make_metavar(context), getattr(p, "help", ""))) for p in command.params]
    if rows:
        table = [f"| `{_cell(name)}` | {_cell(_plain(text or ''))} |" for name, text in rows]
        yield "\n".join(["| | |", "|---|---|", *table])


def _plain(text: str) -> str:
    """Rich's markup is for terminals."""
    return MARKUP.sub("", text.replace("\b", "")).strip()


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
