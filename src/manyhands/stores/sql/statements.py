"""SQL statements, one per file, with a folder per dialect for those that must differ."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
WORD = re.compile(r"\$([a-z]+)")


def read_text(*path: str) -> str:
    """A file that lies beside this module, also when the package is zipped.

    `importlib.resources` would do it too; its imports take longer than everything else that opening a store needs.
    """
    data: bytes = __loader__.get_data(os.path.join(os.path.dirname(__file__), *path))  # type: ignore[name-defined]
    return data.decode()


def quoted(words: Sequence[str]) -> str:
    """A list of texts for `IN (…)`; for words of our own only, values are bound."""
    return ", ".join(f"'{word}'" for word in words)


class Statements:
    """The statements of one dialect, each read when it is first asked for."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._read: dict[Any, str] = {}

    def __getitem__(self, name: str) -> str:
        """The statement as it stands in its file, parameters by name."""
        found = self._read.get(name)
        return found if found is not None else self.with_words(name)

    def with_words(self, name: str, **words: str) -> str:
        """The statement with each `$word` replaced."""
        key = (name, *words.items()) if words else name
        found = self._read.get(key)
        if found is None:
            text = COMMENT.sub("", self._load(name)).strip()
            found = self._read[key] = WORD.sub(lambda match: words[match[1]], text)
        return found

    def in_order(self, name: str, parameters: str, **words: str) -> str:
        """The statement for values bound by place, as `parameters` lists them, which is a good deal quicker than by
        name. The list is compared with the file, so that neither changes without the other."""
        text = self.with_words(name, **words)
        names = " ".join(NAMED.findall(text))
        if names != parameters:
            raise ValueError(f"{name}.sql takes '{names}' in this order, not '{parameters}'")
        return NAMED.sub("?", text)

    def _load(self, name: str) -> str:
        try:
            return read_text("statements", self._dialect, f"{name}.sql")
        except OSError:
            return read_text("statements", f"{name}.sql")
