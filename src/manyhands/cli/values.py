"""Values that people type: JSON, `name=JSON`, and `name=text`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from manyhands.model.errors import UsageError


def parse(text: str, option: str) -> Any:
    """A JSON value. Errors: `UsageError`."""
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not JSON. Text wants quotes of its own: {option} '\"text\"'.") from None


def arguments(given: Sequence[str], option: str = "--arg") -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments: each is JSON, or `name=JSON`."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if separator and name.isidentifier():
            named[name] = parse(value, f"{option} {name}")
        else:
            positional.append(parse(text, option))
    return positional, named


def keywords(given: Sequence[str], option: str = "--input") -> dict[str, Any]:
    """Named values, each `name=JSON`."""
    positional, named = arguments(given, option)
    if positional:
        raise UsageError(f"{option} takes NAME=JSON, as in {option} x=3; {positional[0]!r} has no name.")
    return named


def metadata(given: Sequence[str]) -> dict[str, Any]:
    """Metadata from `key=value`, the value JSON or else text, and from whole JSON objects; later ones win."""
    found: dict[str, Any] = {}
    for text in given:
        if text.lstrip().startswith("{"):
            value = parse(text, "--metadata")
            found.update(value)
            continue
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"--metadata {text!r} is neither KEY=VALUE nor a JSON object, as in '{{\"seed\": 7}}'.")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found
