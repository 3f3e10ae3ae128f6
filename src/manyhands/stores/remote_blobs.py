"""Blobs at any URL that fsspec knows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any

import fsspec

from manyhands.model.errors import StoreCorrupt, StoreUnavailable
from manyhands.stores.blobs import KeptBlobs, content_hash, flaws_by_reading, is_hash, verified, why_not_written


class FsspecBlobs(KeptBlobs):
    """Blobs under a URL (`s3://bucket/prefix`, `memory://x`, `file:///…`). A blob is written beside its place and moved
    there. How lasting it is when `put` returns is the file system's to say."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self._options = options
        self._opened: tuple[Any, str] | None = None

    def _where(self) -> tuple[Any, str]:
        if self._opened is None:
            try:
                files, root = fsspec.core.url_to_fs(self.url, **self._options)
            except (ValueError, ImportError) as error:
                raise StoreUnavailable(
                    self.url, f"{error}. Install what its scheme needs, or name a folder."
                ) from error
            self._opened = files, root.rstrip("/")
        return self._opened

    def _path(self, name: str) -> str:
        return f"{self._where()[1]}/{name[:2]}/{name[2:4]}/{name}"

    def put(self, data: bytes) -> str:
        name = content_hash(data)
        files, _ = self._where()
        path = self._path(name)
        try:
            if self._age(path) is None:
                temporary = f"{path}.{os.getpid()}-{threading.get_ident()}.new"
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
                files.pipe_file(temporary, data)
                files.mv(temporary, path)
            else:
                self.touch([name])
        except OSError as error:
            raise StoreUnavailable(self.url, why_not_written(error)) from error
        return name

    def get(self, content_hash: str) -> bytes:
        try:
            data: bytes = self._where()[0].cat_file(self._path(content_hash))
        except FileNotFoundError as error:
            raise StoreCorrupt(f"The blob {content_hash}", "it is missing") from error
        except OSError as error:
            raise StoreUnavailable(self.url, f"{error}. Try again when it can be reached.") from error
        return verified(content_hash, data)

    def has(self, content_hash: str) -> bool:
        found: bool = self._where()[0].exists(self._path(content_hash))
        return found

    def touch(self, hashes: Collection[str]) -> None:
        files, _ = self._where()
        for name in hashes:
            path = self._path(name)
            if not files.exists(path):
                continue
            try:
                files.touch(path, truncate=False)
            except (NotImplementedError, ValueError):
                # Where a time cannot be set, writing the same bytes again sets it.
                files.pipe_file(path, self.get(name))

    def _age(self, path: str) -> float | None:
        """When the file was last written; the beginning of time where the file system does not say."""
        files, _ = self._where()
        try:
            return float(files.modified(path).timestamp())
        except FileNotFoundError:
            return None
        except NotImplementedError:
            return time.time() if files.exists(path) else None

    def _names(self) -> dict[str, dict[str, Any]]:
        files, root = self._where()
        found: dict[str, dict[str, Any]] = files.find(root, detail=True)
        return {path: info for path, info in found.items() if is_hash(path.rpartition("/")[2])}

    def totals(self) -> tuple[int, int]:
        found = self._names()
        return len(found), sum(int(info.get("size") or 0) for info in found.values())

    def remove_unused(self, used: Collection[str], before: float) -> int:
        removed = 0
        for path in self._names():
            if path.rpartition("/")[2] in used:
                continue
            age = self._age(path)
            if age is not None and age < before:
                self._where()[0].rm_file(path)
                removed += 1
        return removed

    def flaws(self, used: Collection[str]) -> Iterator[str]:
        return flaws_by_reading(self, used)
