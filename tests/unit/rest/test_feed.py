"""News of changes: none is lost, and none comes too often."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from manyhands.rest.feed import Feed
from tests.unit.rest.memory import MemoryApp, component

PAUSE = 0.02


def made() -> tuple[MemoryApp, Feed]:
    app = MemoryApp(component(works={}, flows={}, count=0))
    return app, Feed(app, pause=PAUSE)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_the_app_is_listened_to_only_while_somebody_listens() -> None:
    app, feed = made()

    async def test() -> None:
        first, second = feed.changes(), feed.changes()
        assert app.listeners == []
        await anext(first)
        await anext(second)
        assert len(app.listeners) == 1
        await first.aclose()
        assert len(app.listeners) == 1
        await second.aclose()
        assert app.listeners == []

    run(test)


def test_every_listener_hears_of_a_change() -> None:
    app, feed = made()

    async def test() -> None:
        async with aclosing(feed.changes()) as first, aclosing(feed.changes()) as second:
            before = await anext(first), await anext(second)
            threading.Thread(target=app.set, args=("root",), kwargs={"count": 1}).start()
            after = await anext(first), await anext(second)
            assert after[0] > before[0]
            assert after[1] > before[1]

    run(test)


def test_the_last_of_many_changes_is_seen() -> None:
    app, feed = made()
    last = 3000

    def change() -> None:
        for count in range(last + 1):
            app.set("root", count=count)

    async def test() -> None:
        seen = []
        clock = asyncio.get_running_loop().time
        began = clock()
        async with aclosing(feed.changes()) as news:
            thread = threading.Thread(target=change)
            thread.start()
            async for _ in news:
                seen.append(app.snapshot()["vars"]["count"])
                if seen[-1] == last:
                    break
            thread.join()
        assert len(seen) <= (clock() - began) / PAUSE * 2 + 2

    run(test)


def test_between_two_news_there_is_a_pause() -> None:
    app, feed = made()

    async def test() -> None:
        clock = asyncio.get_running_loop().time
        async with aclosing(feed.changes()) as news:
            await anext(news)
            began = clock()
            app.set("root", count=1)
            await anext(news)
            app.set("root", count=2)
            await anext(news)
            assert clock() - began >= PAUSE * 0.5

    run(test)


def test_the_end_comes_as_last_news() -> None:
    app, feed = made()

    async def test() -> None:
        async def listen() -> list[int]:
            return [version async for version in feed.changes()]

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        assert app.listeners
        await feed.finish()
        assert len(await listening) >= 1
        assert app.listeners == []
        assert len([version async for version in feed.changes()]) == 1

    run(test)


def test_a_change_after_the_loop_has_gone_is_no_error() -> None:
    app, feed = made()

    async def test() -> None:
        news = feed.changes()
        await anext(news)
        changed = app.listeners[0]
        await news.aclose()
        app.listeners.append(changed)

    run(test)
    app.set("root", count=1)
    assert app.snapshot()["vars"] == {"count": 1}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_finish_with_any_number_of_listeners(count: int) -> None:
    app, feed = made()

    async def test() -> None:
        async def listen() -> None:
            async for _ in feed.changes():
                pass

        tasks = [asyncio.create_task(listen()) for _ in range(count)]
        await asyncio.sleep(0)
        await feed.finish()
        await asyncio.gather(*tasks)
        assert app.listeners == []

    run(test)
