"""One descriptor stands for many."""

import os
import select
from collections.abc import Iterator

import pytest

from manyhands.executors.watch import READ, WRITE, Watch


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.close()


def readable(watch: Watch) -> bool:
    return bool(select.select([watch.fileno()], [], [], 0)[0])


def test_waking_makes_it_readable_once(watch: Watch) -> None:
    assert not readable(watch)
    watch.wake()
    watch.wake()
    assert readable(watch)
    watch.act()
    assert not readable(watch)


def test_what_is_watched_is_acted_on(watch: Watch) -> None:
    reading, writing = os.pipe()
    seen: list[int] = []
    watch.add(reading, lambda events: seen.append(events) or os.read(reading, 1))
    watch.act()
    os.write(writing, b"x")
    assert readable(watch)
    watch.act()
    watch.act()
    assert seen == [READ]
    os.close(writing)
    watch.act()
    assert seen == [READ, READ]
    watch.remove(reading)
    watch.remove(reading)
    assert not readable(watch)
    os.close(reading)


def test_writing_is_watched_when_wanted(watch: Watch) -> None:
    reading, writing = os.pipe()
    seen: list[int] = []
    watch.add(writing, seen.append)
    watch.act()
    assert seen == []
    watch.writable(writing, True)
    watch.act()
    assert seen == [WRITE]
    watch.writable(writing, False)
    watch.act()
    assert seen == [WRITE]
    for descriptor in (reading, writing):
        os.close(descriptor)
