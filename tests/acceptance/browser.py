"""A browser for tests: the Chromium of the system, without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30_000
"""Milliseconds after which a test gives up on something that should come at once."""

expect.set_options(timeout=PATIENCE)

GONE = (
    "ERR_CONNECTION_",
    "ERR_EMPTY_RESPONSE",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_SOCKET_NOT_CONNECTED",
    "WebSocket",
)
"""What the console says of a server that has ended; which of them depends on what was under way just then."""


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here: install the system package `chromium`")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, **options: object) -> Iterator[Page]:
    """A page in a browser profile of its own. At the end nothing may have been asked of any other machine, and no
    error may stand in the console."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
        ours = ("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "data:", "blob:", "about:")
        assert [url for url in asked if not url.startswith(ours)] == []
        assert [text for text in complaints if not any(word in text for word in GONE)] == []
    finally:
        context.close()
