"""Where a store is: its address, and the files beside it."""

from __future__ import annotations

import os
import re

import msgspec

from manyhands.model.errors import StoreLocationError

VARIABLE = "MANYHANDS_STORE"
FOLDER = ".manyhands"
FILE = "store.db"
MEMORY = ":memory:"

TEMPORARY = "/tmp"  # noqa: S108 - only ever a folder in it that is ours and closed to others
SHORT = 50
"""Bytes; a socket's whole path may have about a hundred."""

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
CURE = "Give `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or `sqlite://:memory:`."


class Location(msgspec.Struct, frozen=True):
    """A store's address, taken apart. `path`: the database file, absolute; None for a store in memory."""

    url: str
    path: str | None

    def beside(self, what: str) -> str:
        """The folder beside the database for `what`; each database has its own, as each prunes its own."""
        if self.path is None:
            raise StoreLocationError(self.url, "A store in memory has no files.")
        folder, name = os.path.split(self.path)
        return os.path.join(folder, what if name == FILE else f"{name}-{what}")


def parse_location(url: str) -> Location:
    """Take an address apart; a path that is relative is one from the working directory."""
    found = SCHEME.fullmatch(url)
    if found is None:
        raise StoreLocationError(url, f"It has no scheme. {CURE}")
    scheme, rest = found[1].lower(), found[2]
    if scheme in ("postgresql", "postgres"):
        raise StoreLocationError(url, f"This version keeps its store in SQLite only. {CURE}")
    if scheme != "sqlite":
        raise StoreLocationError(url, f"The scheme '{scheme}' is not known. {CURE}")
    if rest.lstrip("/") == MEMORY:
        return Location(f"sqlite://{MEMORY}", None)
    if not rest.startswith("/"):
        raise StoreLocationError(url, f"A path comes after three slashes. {CURE}")
    path = rest[1:]
    if not path or path.endswith("/"):
        raise StoreLocationError(url, f"It names no file. {CURE}")
    if "\0" in path:
        raise StoreLocationError(url, f"A path has no NUL character. {CURE}")
    return location_of(path)


def location_of(path: str) -> Location:
    """The location of a database file."""
    whole = os.path.abspath(path)
    return Location(f"sqlite:///{whole}", whole)


def default_url() -> str:
    """The store of this place: what `MANYHANDS_STORE` says, else the one in the nearest `.manyhands` folder from the
    working directory upward, else a new one in the working directory. Makes nothing."""
    given = os.environ.get(VARIABLE)
    if given:
        return given if SCHEME.fullmatch(given) else location_of(given).url
    here = os.getcwd()
    folder = here
    while not os.path.isdir(os.path.join(folder, FOLDER)):
        parent = os.path.dirname(folder)
        if parent == folder:
            folder = here
            break
        folder = parent
    return location_of(os.path.join(folder, FOLDER, FILE)).url


def short_folder() -> str:
    """A folder of this user's own with a short name, for sockets and what is to vanish with the machine's run."""
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or TEMPORARY
    if len(base) > SHORT or not os.path.isdir(base):
        base = TEMPORARY
    folder = os.path.join(base, f"manyhands-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    there = os.lstat(folder)
    if there.st_uid != os.getuid() or not os.path.isdir(folder) or os.path.islink(folder):
        raise StoreLocationError(folder, "It belongs to somebody else. Set XDG_RUNTIME_DIR to a folder of your own.")
    return folder
