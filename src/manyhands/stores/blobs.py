"""Bytes by content, in a folder or in memory."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from hashlib import blake2b
from typing import Protocol

from manyhands.model.errors import StoreCorrupt, StoreUnavailable

HASH_BYTES = 16


def content_hash(data: bytes) -> str:
    return blake2b(data, digest_size=HASH_BYTES).hexdigest()


class KeptBlobs(Protocol):
    """A blob store that can be looked after."""

    def put(self, data: bytes) -> str: ...

    def get(self, content_hash: str) -> bytes: ...

    def has(self, content_hash: str) -> bool:
        """Whether the blob is there, without reading it."""
        ...

    def touch(self, hashes: Collection[str]) -> None:
        """Make these as young as if they were put now."""
        ...

    def totals(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        ...

    def remove_unused(self, used: Collection[str], before: float) -> int:
        """Remove those that are not used and were last put before then; returns how many."""
        ...

    def flaws(self, used: Collection[str]) -> Iterator[str]:
        """A line for each used blob that is missing or differs from its hash."""
        ...


def verified(wanted: str, data: bytes) -> bytes:
    if content_hash(data) != wanted:
        raise StoreCorrupt(f"The blob {wanted}", "its content does not match its hash")
    return data


def flaws_by_reading(blobs: KeptBlobs, used: Collection[str]) -> Iterator[str]:
    for wanted in sorted(used):
        try:
            blobs.get(wanted)
        except StoreCorrupt as error:
            yield f"blob {wanted}: {error.args[1]}"


class FolderBlobs:
    """Blobs as files, two levels of folders deep: `ab/cd/abcd…`. A file appears whole or not at all. With `sync` it is
    on the disk when `put` returns, otherwise it is where a process kill cannot reach it."""

    def __init__(self, folder: str, *, sync: bool = False) -> None:
        self.folder = folder
        self._sync = sync
        self._number = 0

    def path(self, content_hash: str) -> str:
        return os.path.join(self.folder, content_hash[:2], content_hash[2:4], content_hash)

    def put(self, data: bytes) -> str:
        name = content_hash(data)
        path = self.path(name)
        try:
            if not self._is_whole(path, len(data)):
                self._write(path, data)
        except OSError as error:
            raise StoreUnavailable(self.folder, why_not_written(error)) from error
        return name

    def _is_whole(self, path: str, size: int) -> bool:
        """Whether the blob is there already; made young, so that nobody prunes it before it is referred to again."""
        try:
            os.utime(path)
            return os.stat(path).st_size == size
        except FileNotFoundError:
            return False

    def _write(self, path: str, data: bytes) -> None:
        self._number += 1
        temporary = f"{path}.{os.getpid()}-{threading.get_ident()}-{self._number}.new"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                if self._sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            try:
                os.unlink(temporary)
            except OSError:
                pass
            raise
        if self._sync:
            sync_folders(path, self.folder)

    def get(self, content_hash: str) -> bytes:
        try:
            with open(self.path(content_hash), "rb") as file:
                data = file.read()
        except OSError as error:
            raise StoreCorrupt(f"The blob {content_hash}", error.strerror or "it is missing") from error
        return verified(content_hash, data)

    def has(self, content_hash: str) -> bool:
        return os.path.exists(self.path(content_hash))

    def touch(self, hashes: Collection[str]) -> None:
        for content_hash in hashes:
            try:
                os.utime(self.path(content_hash))
            except OSError:
                continue

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for folder, _, _ in os.walk(self.folder):
            try:
                with os.scandir(folder) as entries:
                    yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))
            except FileNotFoundError:
                continue

    def totals(self) -> tuple[int, int]:
        sizes = [entry.stat().st_size for entry in self._files() if is_hash(entry.name)]
        return len(sizes), sum(sizes)

    def remove_unused(self, used: Collection[str], before: float) -> int:
        removed = 0
        for entry in self._files():
            if entry.name in used:
                continue
            try:
                if entry.stat().st_mtime < before:
                    removed += self._remove(entry, before)
            except FileNotFoundError:
                continue
        return removed

    def _remove(self, entry: os.DirEntry[str], before: float) -> bool:
        """Set the file aside and look at its age once more: whoever puts the same bytes meanwhile has either made it
        young, and it goes back, or does not find it, and writes it again."""
        if not is_hash(entry.name):
            os.unlink(entry.path)
            return False
        aside = f"{entry.path}.{os.getpid()}.old"
        os.rename(entry.path, aside)
        if os.stat(aside).st_mtime >= before:
            os.rename(aside, entry.path)
            return False
        os.unlink(aside)
        return True

    def flaws(self, used: Collection[str]) -> Iterator[str]:
        return flaws_by_reading(self, used)


def is_hash(name: str) -> bool:
    return len(name) == 2 * HASH_BYTES and "." not in name


def sync_folders(path: str, top: str) -> None:
    """Put the names on the way to a file onto the disk, up to and with the folder that holds `top`."""
    folder = os.path.dirname(path)
    while True:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if len(folder) < len(top):
            return
        folder = os.path.dirname(folder)


def why_not_written(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{reason}. Make room there, or make it writable, and try again; nothing was written."


class MemoryBlobs:
    """Blobs of a store in memory."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._held: dict[str, tuple[bytes, float]] = {}
        self._clock = clock

    def put(self, data: bytes) -> str:
        name = content_hash(data)
        self._held[name] = (bytes(data), self._clock())
        return name

    def get(self, content_hash: str) -> bytes:
        try:
            return self._held[content_hash][0]
        except KeyError:
            raise StoreCorrupt(f"The blob {content_hash}", "it is missing") from None

    def has(self, content_hash: str) -> bool:
        return content_hash in self._held

    def touch(self, hashes: Collection[str]) -> None:
        for name in hashes:
            if name in self._held:
                self._held[name] = (self._held[name][0], self._clock())

    def totals(self) -> tuple[int, int]:
        return len(self._held), sum(len(data) for data, _ in self._held.values())

    def remove_unused(self, used: Collection[str], before: float) -> int:
        unused = [name for name, (_, at) in self._held.items() if name not in used and at < before]
        for name in unused:
            del self._held[name]
        return len(unused)

    def flaws(self, used: Collection[str]) -> Iterator[str]:
        return flaws_by_reading(self, used)
