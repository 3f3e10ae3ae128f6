"""The settings of Manyhands, in layers: a file, over it the environment, over it arguments."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, UnsetType

from manyhands.model.errors import UsageError

FILE = "manyhands.toml"
PROJECT_FILE = "pyproject.toml"
TABLE = "[tool.manyhands]"
PREFIX = "MANYHANDS_"

NO_SETTINGS = frozenset({"compat", "node_ip", "public_ip", "token"})
"""Variables with our prefix that are read elsewhere; a token belongs into no file and is kept by no object."""

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Span = Annotated[float, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set; docs/reference/settings.md says what each does.

    `store` and `processes` are None where nobody chose: the default place, and as many as there are cores; the last two
    are None for no bound.
    """

    store: str | None = None
    blobs: str | None = None
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    processes: Count | None = None
    allow_pickle: bool = True
    echo_output: bool = True
    lease_seconds: Seconds = 30.0
    heartbeat_seconds: Seconds = 10.0
    poll_seconds: Seconds = 1.0
    grace_seconds: Span = 5.0
    take_over: bool = True
    max_takeovers: Annotated[int, Meta(ge=0)] = 3
    retention_days: Span = 30.0
    max_running_workflows: Count | None = None
    max_pending_workflows: Annotated[int, Meta(ge=0)] | None = None


ALLOWED: dict[str, str] = {
    "store": "text: sqlite:///PATH",
    "blobs": "text: a folder, or a URL that fsspec knows",
    "synchronous": "NORMAL or FULL",
    "processes": "a whole number from 1",
    "allow_pickle": "true or false",
    "echo_output": "true or false",
    "lease_seconds": "a number above 0",
    "heartbeat_seconds": "a number above 0",
    "poll_seconds": "a number above 0",
    "grace_seconds": "a number from 0",
    "take_over": "true or false",
    "max_takeovers": "a whole number from 0",
    "retention_days": "a number from 0; 0 keeps everything",
    "max_running_workflows": "a whole number from 1",
    "max_pending_workflows": "a whole number from 0",
}
"""What each setting may be, in words, for the text of errors."""


def load(
    arguments: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> Settings:
    """The settings for `folder` (the working directory unless told). An argument that is `UNSET` leaves the layers
    below it as they are, so that unset and "set to the default" stay apart; an empty variable counts as unset. Anything
    unknown or of a wrong type is a `UsageError` that says where it stands."""
    values = _from_file(folder or os.getcwd())
    values.update(_from_environment(os.environ if environ is None else environ))
    for name, value in (arguments or {}).items():
        if not isinstance(value, UnsetType):
            values[name] = _checked(name, value, f"the argument {name}", strict=True)
    settings = Settings(**values)
    if settings.heartbeat_seconds >= settings.lease_seconds:
        raise UsageError(
            f"heartbeat_seconds is {settings.heartbeat_seconds:g} and lease_seconds {settings.lease_seconds:g}: a "
            "lease would end between two heartbeats. Set the lease to twice the heartbeat or more."
        )
    return settings


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if text and name not in NO_SETTINGS and variable.startswith(PREFIX):
            values[name] = _checked(name, text, f"the environment variable {variable}", strict=False)
    return values


def _from_file(folder: str) -> dict[str, Any]:
    found = _find(folder)
    if found is None:
        return {}
    path, content = found
    where = f"{path} {TABLE}" if os.path.basename(path) == PROJECT_FILE else path
    if not isinstance(content, dict):
        raise UsageError(f"{where} is no table. Write its settings below a line `{TABLE}`.")
    values = {name: _checked(name, value, f"{name} in {where}", strict=True) for name, value in content.items()}
    if "store" in values:
        values["store"] = _beside(os.path.dirname(path), values["store"])
    return values


def _find(folder: str) -> tuple[str, Any] | None:
    """The nearest file upward that holds settings, with what it holds. A `manyhands.toml` goes before a
    `pyproject.toml` of the same folder; a `pyproject.toml` without our table is passed over."""
    at = os.path.abspath(folder)
    while True:
        path = os.path.join(at, FILE)
        if os.path.isfile(path):
            return path, _parse(path, _bytes(path))
        path = os.path.join(at, PROJECT_FILE)
        # The look at the raw bytes saves nearly every start the parser.
        if os.path.isfile(path) and b"manyhands" in (data := _bytes(path)):
            table = _parse(path, data).get("tool", {})
            if isinstance(table, dict) and "manyhands" in table:
                return path, table["manyhands"]
        above = os.path.dirname(at)
        if above == at:
            return None
        at = above


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Mend its permissions, or move it away.") from error


def _parse(path: str, data: bytes) -> dict[str, Any]:
    # Loaded by name, as most starts find no file and need no parser.
    tomllib = importlib.import_module("tomllib")
    try:
        content: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    return content


def _beside(folder: str, store: str) -> str:
    """A relative SQLite path in a file is meant from the file's folder, wherever the command was started."""
    scheme, separator, path = store.partition(":///")
    if scheme == "sqlite" and separator and path and not os.path.isabs(path):
        return f"sqlite:///{os.path.join(folder, path)}"
    return store


def _checked(name: str, value: object, where: str, *, strict: bool) -> Any:
    kinds = _kinds()
    if name not in kinds:
        raise UsageError(f"{where}: there is no such setting. {_suggest(name)}The settings are {', '.join(kinds)}.")
    if name == "synchronous" and isinstance(value, str):
        value = value.upper()
    try:
        return msgspec.convert(value, kinds[name], strict=strict)
    except msgspec.ValidationError:
        raise UsageError(f"{where} is {value!r}; allowed is {ALLOWED[name]}.") from None


@cache
def _kinds() -> dict[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def _suggest(name: str) -> str:
    closest = importlib.import_module("difflib").get_close_matches(name, ALLOWED, n=1)
    return f"Did you mean {closest[0]}? " if closest else ""
