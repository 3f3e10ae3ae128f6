"""The care of a store: what is wrong with it, and what it no longer needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from manyhands.model.errors import StoreCorrupt
from manyhands.model.states import RUN_TERMINAL
from manyhands.stores.blobs import KeptBlobs
from manyhands.stores.sql.checks import findings
from manyhands.stores.sql.database import OverDatabase, transaction
from manyhands.stores.sql.journal import SqlJournal
from manyhands.stores.sql.statements import quoted

RUNS_AT_ONCE = 50
"""How many runs are removed in one transaction: writers wait for it."""


class SqlKeeping(SqlJournal, OverDatabase):
    """Check and prune."""

    _blobs: KeptBlobs
    log_folder: str

    def check(self) -> list[str]:
        with self._database.snapshot():
            found = list(findings(self._database))
            try:
                used = self._used_blobs()
            except StoreCorrupt:
                return found
        flaws = list(self._blobs.flaws(used))
        if flaws:
            # What was pruned meanwhile, with all that referred to it, is not missing.
            still_used = self._used_blobs()
            flaws = [line for line in flaws if any(name in line for name in still_used)]
        return found + flaws

    def _used_blobs(self) -> set[str]:
        return {row[0] for row in self._rows("used_blobs")}

    def prune(self, before: float, now: float, *, keep_blobs_newer: float = 3600.0) -> dict[str, int]:
        removed = {"runs": self._prune_runs(before)}
        removed["cache"] = self._prune_cache(now)
        with transaction(self._database) as cursor:
            cursor.execute(self._database.statements["prune_flights"], {"now": now})
            cursor.execute(self._database.statements["prune_engines"], {"before": before})
            removed["engines"] = cursor.rowcount
        older = now - keep_blobs_newer
        removed["blobs"] = self._blobs.remove_unused(self._used_blobs(), older)
        removed["logs"] = self._prune_logs(older)
        return removed

    def _prune_runs(self, before: float) -> int:
        sql = self._database.statements
        parameters = {"before": before, "limit": RUNS_AT_ONCE}
        ended = sql.with_words("ended_runs", ended=quoted(sorted(RUN_TERMINAL)))
        removed = 0
        while self._database.rows(ended, parameters):
            with transaction(self._database) as cursor:
                # Asked again: somebody may have resumed one since.
                keys = [key for (key,) in cursor.execute(ended, parameters).fetchall()]
                self._delete_runs(cursor, keys)
            removed += len(keys)
        return removed

    def _prune_cache(self, now: float) -> int:
        """Remove expired entries. Their blobs become young: somebody may have read such an entry just before it
        expired, and be about to write that its task has this value."""
        if not self._rows("expired_blobs", {"now": now}) and not self._value("any_expired", {"now": now}):
            return 0
        with transaction(self._database) as cursor:
            sql = self._database.statements
            blobs: list[Any] = cursor.execute(sql["expired_blobs"], {"now": now}).fetchall()
            self._blobs.touch([blob for (blob,) in blobs])
            cursor.execute(sql["prune_cache"], {"now": now})
            return cursor.rowcount

    def _prune_logs(self, older: float) -> int:
        """Remove log files that no attempt refers to. A file is named for the process that writes it, and is left
        alone while that lives: it may be silent for long."""
        used = {row[0] for row in self._rows("used_logs")}
        removed = 0
        for entry in log_files(self.log_folder):
            if entry.name in used or is_alive(entry.name.partition("-")[0]):
                continue
            try:
                if entry.stat().st_mtime < older:
                    os.unlink(entry.path)
                    removed += 1
            except OSError:
                continue
        return removed


def log_files(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return


def is_alive(pid: str) -> bool:
    """Whether a process of this number lives on this machine; another one under the same number only keeps a file a
    little longer."""
    if not pid.isdecimal() or int(pid) == 0:
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
