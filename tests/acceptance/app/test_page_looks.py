"""The page of an app when what it has to show is much, long, odd, or late."""

import base64
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from manyhands.app.frontend import AppInfo
from manyhands.dashboard import app_page
from tests.acceptance.browser import browsing, visiting
from tests.unit.rest.memory import MemoryApp, component

LONG = "a_work_with_a_name_that_somebody_thought_was_a_good_idea_at_the_time_of_writing_it_down"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


def deep(levels: int) -> dict[str, object]:
    flows = {"deeper": deep(levels - 1)} if levels else {}
    return component(works={"w": component()}, flows=flows)


@pytest.fixture
def app() -> MemoryApp:
    listed = {"works": {str(number): component() for number in range(60)}, "flows": {}}
    works = {"short": component(), LONG: component(), "named": component(_display_name="A rather long title " * 6)}
    state = component(works=works, flows={"deep": deep(6)}, text="word " * 500)
    made = MemoryApp({**state, "structures": {"many": listed}})
    made.record("root.short", "k", "running")
    made.record(f"root.{LONG}", "k", "failed", message="x" * 400 + "\n" + "one more line of it\n" * 300)
    return made


def line(page: Page, name: str) -> Locator:
    return page.locator(f'[data-work="{name}"] > .line')


def place(found: Locator) -> dict[str, float]:
    box = found.bounding_box()
    assert box is not None
    return {**box, "right": box["x"] + box["width"]}


@pytest.mark.parametrize("width", [320, 390, 640, 641, 900, 1400])
def test_nothing_is_wider_than_the_window(browser: Browser, app: MemoryApp, width: int, tmp_path: Path) -> None:
    with app_page.serve(app, port=0) as url, visiting(browser, viewport={"width": width, "height": 800}) as page:
        page.goto(url)
        expect(page.locator(".work")).to_have_count(70)
        line(page, f"root.{LONG}").locator(".opening").click()
        expect(page.locator(f'[data-work="root.{LONG}"] [data-call]')).to_be_visible()
        page.locator('[data-flow="root"] > .line > .opening').click()
        expect(page.locator('[data-flow="root"] > .body')).to_be_visible()
        page.screenshot(path=tmp_path / f"{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert place(page.locator(f'[data-work="root.{LONG}"] > .why'))["height"] < 250


def test_columns_are_columns_and_names_stay_whole(browser: Browser, app: MemoryApp) -> None:
    with app_page.serve(app, port=0) as url, visiting(browser, viewport={"width": 1100, "height": 800}) as page:
        page.goto(url)
        expect(page.locator(".work")).to_have_count(70)
        # One of them can be stopped, the others have never begun.
        rows = [line(page, name).locator("> .badge") for name in ("root.short", "root.named", "root.many.7")]
        assert len({round(place(badge)["right"]) for badge in rows}) == 1
        names = [line(page, name).locator(".name") for name in ("root.short", "root.named")]
        assert len({round(place(name)["height"]) for name in names}) == 1
        expect(page.locator('[data-flow="root.many"] > .line')).to_have_text("many60 works")
        expect(page.locator('[data-flow="root.deep"] > .line')).to_have_text("deepflow, 7 works")


def test_many_tabs_leave_the_tree_its_width(browser: Browser, app: MemoryApp) -> None:
    app.tabs = [{"name": f"Tab {number}", "content": "root.deep"} for number in range(30)]
    with app_page.serve(app, port=0) as url, visiting(browser, viewport={"width": 900, "height": 600}) as page:
        page.goto(url)
        expect(page.get_by_role("tab")).to_have_count(31)
        assert place(page.locator(".tree:visible"))["width"] > 800
        assert page.evaluate("document.documentElement.scrollWidth") <= 900
        page.get_by_role("tab", name="Tab 29").click()
        expect(page.locator('[data-flow="root.deep"]:visible')).to_be_in_viewport()


def test_a_tab_can_be_opened_beside_the_page_and_runs_no_script_in_it(
    browser: Browser, app: MemoryApp, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>Own</title><h1>A page of its own</h1>")
    app.tabs = [{"name": "Site", "folder": str(tmp_path)}, {"name": "Odd", "content": "javascript://x%0aalert(1)"}]
    with app_page.serve(app, port=0) as url, visiting(browser) as page:
        page.goto(url)
        page.get_by_role("tab", name="Site").click()
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Open Site in a window of its own").click()
        expect(popup.value.locator("h1")).to_have_text("A page of its own")
        assert popup.value.evaluate("window.opener") is None
        expect(page.locator("iframe")).to_have_count(1)
        page.get_by_role("tab", name="Odd").click()
        expect(page.locator("iframe")).to_have_count(0)


def test_what_the_app_says_of_itself(browser: Browser, app: MemoryApp, tmp_path: Path) -> None:
    icon = tmp_path / "icon.png"
    icon.write_bytes(PIXEL)
    info = AppInfo(
        title="<script>alert(1)</script> & Digits", favicon=str(icon), description='"><script>alert(2)</script>',
        image="https://example.org/a.png", meta_tags=['<meta name="author" content="Ann &quot;B&quot; &lt;b&gt;">'],
    )  # fmt: skip
    app.said = {
        "title": info.title, "description": info.description, "image": info.image, "favicon": info.favicon_url(),
        "metas": info.metas(),
    }  # fmt: skip
    with app_page.serve(app, port=0) as url, visiting(browser) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        page.goto(url)
        expect(page).to_have_title("<script>alert(1)</script> & Digits")
        expect(page.locator("h1")).to_have_text("<script>alert(1)</script> & Digits")
        said = {
            name: page.locator(f'meta[name="{name}"]').get_attribute("content") for name in ("description", "author")
        }
        assert said == {"description": '"><script>alert(2)</script>', "author": 'Ann "B" <b>'}
        assert page.locator('meta[property="og:image"]').get_attribute("content") == "https://example.org/a.png"
        icon_of_page = page.locator('link[rel~="icon"]').last
        expect(icon_of_page).to_have_attribute("href", re.compile("^data:image/png;base64,iVBOR"))


def test_an_act_that_takes_long_is_told_and_so_is_its_end(
    browser: Browser, app: MemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def busy(name: str) -> None:
        go_on.wait(60)
        raise TimeoutError("The app's loop has not come to it yet.")

    monkeypatch.setattr(app, "stop_work", busy)
    with app_page.serve(app, port=0) as url, visiting(browser) as page:
        page.goto(url)
        page.get_by_role("button", name="Stop the work root.short").click()
        page.get_by_role("dialog").get_by_role("button", name="Stop work").click()
        expect(page.get_by_text("The app's flow is busy. It does what you have asked for")).to_be_visible()
        go_on.set()
        expect(page.get_by_text("The app's loop has not come to it yet.")).to_be_visible()


def test_why_the_app_has_failed_is_said(browser: Browser, app: MemoryApp) -> None:
    with visiting(browser) as page:
        with app_page.serve(app, port=0) as url:
            page.goto(url)
            expect(page.locator(".work")).to_have_count(70)
            app.record("root.short", "k", "failed", message="no disk")
            app.record("root.short", "k", "stopped")
            expect(line(page, "root.short").locator("> .badge")).to_have_text("stopped")
            expect(page.locator('[data-work="root.short"] > .why')).to_have_text("no disk")
            app.change(lambda state: state["app_state"].update(stage="failed", message="The work root.short: <b>no"))
        expect(page.locator(".notice")).to_contain_text("The app has failed. This is how it stood.")
        expect(page.locator(".notice")).to_contain_text("The work root.short: <b>no")
        expect(page.locator(".top .badge")).to_have_text("failed")
