"""The page of a running app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import nicegui
from fastapi import FastAPI, Request
from nicegui import background_tasks, ui
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from manyhands.dashboard.head import head_of
from manyhands.dashboard.overview import BLOCKING, FAILED, Call, Overview, Plain, Work, overview
from manyhands.dashboard.panels import Panels
from manyhands.dashboard.parts import Badge, Question, Words, box, button, tell, warn
from manyhands.dashboard.words import app_stage_text, plural, stage_text
from manyhands.model.errors import ManyhandsError

PATH = "/view"
DESK = "manyhands.desk"
"""Where a request carries the desk that it comes to."""

TITLE = "Manyhands"
ENDED = "ended"
CSS = "app_page.css"
SOON = 1.5
"""Seconds after which somebody who waits for an act is told that it takes longer."""

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">'
    '<rect width="32" height="32" rx="8" fill="#0f766e"/><g fill="none" stroke="#fff" stroke-width="2.6" '
    'stroke-linecap="round" stroke-linejoin="round"><path d="M8 23V10l8 8 8-8v13"/></g></svg>'
)
THEME = """<script>
addEventListener("load", () => {
  const kept = localStorage.getItem("manyhands-theme");
  if (kept) Quasar.Dark.set(kept === "dark");
});
</script>"""
TOGGLE_THEME = """() => {
  Quasar.Dark.toggle();
  localStorage.setItem("manyhands-theme", Quasar.Dark.isActive ? "dark" : "light");
}"""


class Source(Protocol):
    """A running app, as far as its page asks; any thread may call."""

    def snapshot(self) -> Plain: ...

    def about(self) -> Plain: ...

    def request_run(self) -> None: ...

    def request_stop(self) -> None: ...

    def stop_work(self, name: str) -> None: ...

    def retry(self, name: str, key: str) -> None: ...


class News(Protocol):
    """Says when the app has changed."""

    def changes(self) -> AsyncGenerator[int]: ...


class Desk:
    """What all pages of one app share: each change is read once, however many look on."""

    def __init__(self, source: Source, news: News, tabs: Callable[[Any], list[Plain]]) -> None:
        self.source = source
        self.about = source.about()
        self.news = news
        self._tabs = tabs
        self._lock = asyncio.Lock()
        self._version = -1
        self._seen: tuple[Overview, list[Plain]] | None = None

    async def read(self, version: int) -> tuple[Overview, list[Plain]]:
        """The app as it is, and its tabs."""
        async with self._lock:
            if self._seen is None or version != self._version:
                self._seen = await asyncio.to_thread(self._look)
                self._version = version
            return self._seen

    def _look(self) -> tuple[Overview, list[Plain]]:
        return overview(self.source.snapshot()), self._tabs(self.source)


class Screen:
    """The page as one browser has it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._client = ui.context.client
        self._question = Question()
        self._last: Overview | None = None
        self._counts = ""
        self._head()
        self._notice = Words("p", "", "notice", role="status")
        self._panels = Panels(self)
        self._timer = ui.timer(1.0, self._tick, active=False, immediate=False)

    async def follow(self) -> None:
        """Keep up with the app until it ends, or the browser has left."""
        async with aclosing(self._desk.news.changes()) as news:
            async for version in news:
                seen, tabs = await self._desk.read(version)
                self._put(seen, tabs)
        self._question.withdraw()
        how = FAILED if self._last is not None and self._last.stage == FAILED else ENDED
        self._stage.put(how)
        self._say(f"The app has {how}. This is how it stood.", "" if self._last is None else self._last.message)

    # --- acts -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Let the app begin."""
        await self._do(self._desk.source.request_run)

    async def stop(self) -> None:
        """End the app, when the user means it."""
        if await self._question.ask("Stop the app?", "All its works are ended, whatever they do.", "Stop app"):
            await self._do(self._desk.source.request_stop)

    async def stop_work(self, work: Work) -> None:
        """End a work, when the user means it."""
        text = "Its process is ended, whatever it does, and the work takes no more calls."
        if await self._question.ask(f"Stop {work.name}?", text, "Stop work"):
            await self._do(self._desk.source.stop_work, work.name)

    async def retry(self, work: Work, call: Call) -> None:
        """Make a failed call once more."""
        await self._do(self._desk.source.retry, work.name, call.key)

    async def _do(self, act: Callable[..., None], *words: str) -> None:
        asked = asyncio.ensure_future(asyncio.to_thread(act, *words))
        done, _ = await asyncio.wait({asked}, timeout=SOON)
        if not done:
            tell("The app's flow is busy. It does what you have asked for when its turn is over.")
        try:
            await asked
        except (ManyhandsError, TimeoutError) as error:
            warn(error)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _head(self) -> None:
        with box("header", "top"):
            ui.html(MARK, sanitize=False).classes("mark")
            title = self._desk.about.get("title") or TITLE
            Words("h1", title, title=title)
            self._stage = Badge("", app_stage_text)
            self._summary = Words("span", "", "faint summary")
            box("span", "space")
            self._run = button("Run", self.run, "primary", "Run the app")
            self._stop = button("Stop app", self.stop, "danger")
            self._run.set_visibility(False)
            self._stop.set_visibility(False)
            theme = Words("button", "", "button quiet theme", type="button", title="Light or dark")
            theme.props["aria-label"] = "Light or dark"
            theme.on("click", js_handler=TOGGLE_THEME)

    def _put(self, seen: Overview, tabs: list[Plain]) -> None:
        self._panels.put(seen, tabs)
        self._stage.put(seen.stage)
        self._summary.text = _summary(seen)
        self._run.set_visibility(seen.stage == BLOCKING)
        self._stop.set_visibility(not seen.is_over)
        if seen.is_over:
            self._question.withdraw()
        self._show_notice(seen)
        self._last = seen
        self._tick()

    def _show_notice(self, seen: Overview) -> None:
        if seen.stage == BLOCKING:
            self._say("The app is ready and waits for you: press Run.")
        elif seen.is_over:
            self._say("The app has failed." if seen.stage == FAILED else "The app is being stopped.", seen.message)
        else:
            self._say("")
        if seen.stage == FAILED:
            self._notice.classes("bad")
        if seen.is_over and not (self._last and self._last.is_over):
            self._client.run_javascript("document.body.classList.add('over')")

    def _say(self, text: str, reason: str = "") -> None:
        self._notice.text = f"{text}\n\n{reason}" if reason else text
        self._notice.set_visibility(bool(text))

    def _tick(self) -> None:
        self._timer.active = self._panels.tick()


def _summary(seen: Overview) -> str:
    counts = [f"{count} {stage_text(stage)}" for stage, count in sorted(seen.counts.items())]
    return ", ".join([plural(seen.counts.total(), "work"), *counts]) if counts else "no works"


def attach(web: FastAPI, view: Source, feed: News, tabs: Callable[[Any], list[Plain]]) -> None:
    """Serve the page of `view` at `/view` of `web`. `feed` says when to look; `tabs` gives the tabs of a view."""
    pages = _Pages(Desk(view, feed, tabs))
    web.router.routes.append(Route(PATH, pages))
    web.router.routes.append(Mount(PATH, pages))
    own = web.router.lifespan_context

    @asynccontextmanager
    async def lifespan(web: FastAPI) -> AsyncIterator[Any]:
        host = house()
        async with host.router.lifespan_context(host), own(web) as state:
            yield state

    web.router.lifespan_context = lifespan


class _Pages:
    """All below `/view`, of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, DESK: self._desk}
        page = scope.get("root_path", "") + PATH
        if scope["path"] == page:
            # The page's own address has no slash at its end, while everything that belongs to it lies below it.
            scope.update(path=f"{page}/", root_path=page)
        await nicegui.app(scope, receive, send)


@cache
def house() -> FastAPI:
    """What there is once in a process, however many servers begin and end in it: NiceGUI, with our page in it."""
    host = FastAPI(openapi_url=None)
    ui.run_with(
        host,
        mount_path=PATH,
        title=TITLE,
        favicon=MARK,
        dark=None,
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
        reconnect_timeout=5.0,
    )
    ui.page("/")(show)
    return host


def show(request: Request) -> None:
    """Build the page for a browser that asks for it."""
    client = ui.context.client
    desk: Desk = request.scope[DESK]
    if desk.about.get("title"):
        ui.page_title(desk.about["title"])
    style = Path(__file__).with_name(CSS).read_text(encoding="utf-8")
    ui.add_head_html(f"{head_of(desk.about)}<style>{style}</style>{THEME}")
    screen = Screen(desk)
    following = background_tasks.create(screen.follow(), name="page of an app")
    client.on_delete(lambda: following.cancel())
