"""From what a user or a setting says to a store's address and its blobs."""

from __future__ import annotations

import importlib
import re
from typing import Any

from manyhands.model.errors import StoreLocationError
from manyhands.stores.blobs import FolderBlobs, KeptBlobs
from manyhands.stores.location import FILE, default_url, location_of, parse_location

REMOTE = "manyhands.stores.remote_blobs"
"""Blobs anywhere that fsspec reaches; found by name, as fsspec is slow to load and few need it."""

WINDOWS = re.compile(r"[A-Za-z]:\\")


def address(given: str | None) -> str:
    """The address of a store: `sqlite://…` as it is; `file://FOLDER` or a plain path as the store in that folder, or
    as that file if it ends in `.db`; None for the default place. Errors: `StoreLocationError`."""
    if given is None:
        return default_url()
    if WINDOWS.match(given):
        raise StoreLocationError(given, f"Give a path of this system, or file:///{given[3:]}")
    path = given.removeprefix("file://") if given.startswith("file://") else given
    if "://" in path:
        return parse_location(path).url
    if not path:
        raise StoreLocationError(given, "It names no place. Give a folder, or `sqlite:///path/to/store.db`.")
    return location_of(path if path.endswith(".db") else f"{path}/{FILE}").url


def open_blobs(place: str, *, sync: bool = False) -> KeptBlobs:
    """The blob store at a folder or at a URL that fsspec knows."""
    if "://" not in place:
        return FolderBlobs(place, sync=sync)
    remote: Any = importlib.import_module(REMOTE)
    opened: KeptBlobs = remote.FsspecBlobs(place)
    return opened
