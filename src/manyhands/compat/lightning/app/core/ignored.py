"""What was not to be sent to rented machines."""

from __future__ import annotations

from collections.abc import Iterable


class Ignoring:
    """`lightningignore` is kept and does nothing: no file is sent anywhere."""

    _ignored_: tuple[str, ...] = ()

    @property
    def lightningignore(self) -> tuple[str, ...]:
        """Patterns of files that were not to be sent."""
        return self._ignored_

    @lightningignore.setter
    def lightningignore(self, patterns: Iterable[str]) -> None:
        self._ignored_ = tuple(patterns)
