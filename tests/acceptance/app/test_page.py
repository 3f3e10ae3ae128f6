"""The page of an app in a browser, over an app that does what the test tells it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from manyhands.dashboard import app_page
from tests.acceptance.browser import browsing, visiting
from tests.acceptance.kit import wait_until
from tests.unit.rest.memory import MemoryApp, component


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture
def app() -> MemoryApp:
    return MemoryApp(
        component(
            works={"train": component(epoch=0), "download": component(rows=1797, _display_name="Fetch the data")},
            flows={"report": component(works={"plot": component(dpi=120)}, flows={}, title="Digits")},
            counter=3,
        )
    )


@pytest.fixture
def url(app: MemoryApp) -> Iterator[str]:
    with app_page.serve(app, port=0) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visiting(browser, viewport={"width": 1200, "height": 800}) as made:
        made.goto(url)
        expect(made.locator(".work")).to_have_count(3)
        yield made


def work(page: Page, name: str) -> Locator:
    return page.locator(f'[data-work="{name}"]')


def badge(page: Page, name: str) -> Locator:
    return work(page, name).locator("> .line > .badge")


def test_the_tree_is_shown(page: Page, tmp_path: Path) -> None:
    expect(page).to_have_title("Manyhands")
    expect(badge(page, "root.train")).to_have_text("not started")
    expect(page.locator('[data-flow="root.report"] [data-work="root.report.plot"]')).to_be_visible()
    expect(work(page, "root.download")).to_contain_text("Fetch the data")
    expect(page.get_by_role("button", name="Run the app")).to_be_hidden()
    expect(page.locator(".summary")).to_have_text("3 works, 3 not started")
    page.screenshot(path=tmp_path / "tree.png")


def test_a_work_is_followed_from_pending_to_failed(app: MemoryApp, page: Page, tmp_path: Path) -> None:
    expect(badge(page, "root.train")).to_have_text("not started")
    for stage in ("pending", "running", "succeeded"):
        app.record("root.train", "f42884d", stage)
        expect(badge(page, "root.train")).to_have_text(stage)
    app.record("root.train", "2f42888", "pending")
    expect(badge(page, "root.train")).to_have_text("succeeded")
    app.record("root.train", "2f42888", "running")
    expect(badge(page, "root.train")).to_have_text("running")
    app.record("root.train", "2f42888", "failed", reason="user_exception", message="The provided value was <1>")
    expect(badge(page, "root.train")).to_have_text("failed")
    expect(work(page, "root.train").locator(".why")).to_contain_text("The provided value was <1>")
    work(page, "root.train").locator(".opening").click()
    failed = work(page, "root.train").locator('[data-call="2f42888"]')
    expect(failed.locator(".history .badge")).to_have_text(["pending", "running", "failed"])
    expect(failed.locator("pre")).to_have_text("The provided value was <1>")
    succeeded = work(page, "root.train").locator('[data-call="f42884d"]')
    expect(succeeded.locator(".history .badge")).to_have_text(["pending", "running", "succeeded"])
    page.screenshot(path=tmp_path / "failed.png")


def test_a_change_is_on_the_page_at_once(app: MemoryApp, page: Page) -> None:
    page.locator('[data-flow="root"] .opening').first.click()
    value = page.locator('[data-flow="root"] > .body dd').first
    expect(value).to_have_text("3")
    for count in range(4, 300):
        app.set("root", counter=count)
    expect(value).to_have_text("299")


def test_the_duration_goes_on_while_a_work_runs(app: MemoryApp, page: Page) -> None:
    now = time.time()
    app.record("root.train", "k", "pending", now - 70)
    app.record("root.train", "k", "running", now - 62)
    shown = work(page, "root.train").locator("> .line > .time")
    expect(shown).to_have_text(re.compile("1 min .. s"))
    first = shown.inner_text()
    expect(shown).not_to_have_text(first)
    app.record("root.train", "k", "succeeded", now - 2)
    expect(shown).to_have_text("1 min 00 s")


def test_run_is_there_only_for_an_app_that_waits(browser: Browser, app: MemoryApp, url: str) -> None:
    app.stage("blocking")
    with visiting(browser) as page:
        page.goto(url)
        expect(page.locator(".top .badge")).to_have_text("waits to be run")
        expect(page.locator(".notice")).to_contain_text("press Run")
        page.get_by_role("button", name="Run the app").click()
        app.wait_for_act("run")
        expect(page.locator(".top .badge")).to_have_text("running")
        expect(page.get_by_role("button", name="Run the app")).to_be_hidden()
        expect(page.locator(".notice")).to_be_hidden()


def test_names_are_shown_as_they_are(app: MemoryApp, page: Page) -> None:
    name = 'x" id="taken" onmouseover="alert(1)'
    app.change(lambda state: state["works"].update({name: component(x=1)}))
    app.change(lambda state: state["flows"].update({f"flow {name}": component(works={}, flows={})}))
    app.record(f"root.{name}", name, "failed", message=name)
    row = page.locator(".work", has=page.locator(".name").get_by_text(name, exact=True))
    row.locator(".opening").click()
    expect(row.locator(".call")).to_have_attribute("data-call", name)
    expect(row).to_have_attribute("data-work", f"root.{name}")
    expect(page.locator(".flow .flow").last).to_have_attribute("data-flow", f"root.flow {name}")
    expect(page.locator("#taken, [onmouseover]")).to_have_count(0)


def test_the_app_is_stopped_when_one_means_it(app: MemoryApp, page: Page) -> None:
    page.get_by_role("button", name="Stop app").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.acts == []
    page.get_by_role("button", name="Stop app").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop app").click()
    app.wait_for_act("stop")
    expect(page.locator(".notice")).to_have_text("The app is being stopped.")
    expect(page.get_by_role("button", name="Stop app")).to_be_hidden()


def test_one_question_at_a_time(app: MemoryApp, page: Page) -> None:
    stop = page.get_by_role("button", name="Stop app")
    stop.evaluate("button => { button.click(); button.click() }")
    expect(page.get_by_role("dialog")).to_have_count(1)
    app.set("root", counter=77)  # seen when both clicks have been
    page.locator('[data-flow="root"] .opening').first.evaluate("button => button.click()")
    expect(page.locator('[data-flow="root"] > .body dd').first).to_have_text("77")
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    stop.click()
    expect(page.get_by_role("dialog")).to_have_count(1)


@pytest.mark.parametrize("told", [True, False])
def test_a_question_ends_with_the_app(browser: Browser, app: MemoryApp, told: bool) -> None:
    with visiting(browser) as page:
        with app_page.serve(app, port=0) as address:
            page.goto(address)
            page.get_by_role("button", name="Stop app").click()
            expect(page.get_by_role("dialog")).to_have_count(1)
            if told:
                app.stage("stopping")
        expect(page.locator(".notice")).to_have_text("The app has ended. This is how it stood.")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.acts == []


def test_a_work_is_stopped(app: MemoryApp, page: Page) -> None:
    stop = page.get_by_role("button", name="Stop the work root.train")
    expect(stop).to_be_hidden()
    app.record("root.train", "k", "running")
    stop.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop work").click()
    app.wait_for_act("stop_work", "root.train")
    app.record("root.train", "k", "stopped")
    expect(stop).to_be_hidden()


def test_a_failed_call_is_retried(app: MemoryApp, page: Page) -> None:
    app.record("root.train", "one", "failed", message="no")
    app.record("root.train", "two", "failed", message="no again")
    page.get_by_role("button", name="Retry call two of root.train").click()
    app.wait_for_act("retry", "root.train", "two")
    app.record("root.train", "two", "pending")
    expect(badge(page, "root.train")).to_have_text("pending")
    expect(page.get_by_role("button", name="Retry call two of root.train")).to_have_count(0)
    work(page, "root.train").locator(".opening").click()
    page.get_by_role("button", name="Retry call one of root.train").click()
    app.wait_for_act("retry", "root.train", "one")


def test_what_cannot_be_done_is_said(app: MemoryApp, page: Page) -> None:
    app.record("root.train", "one", "failed", message="no")
    retry = page.get_by_role("button", name="Retry call one of root.train")
    expect(retry).to_be_visible()
    app.listeners.clear()  # so that the page does not learn of it before it asks
    app.record("root.train", "one", "running")
    retry.click()
    expect(page.get_by_text("The call one of root.train has not failed.")).to_be_visible()


def test_works_that_come_later_are_shown_and_what_is_open_stays_open(app: MemoryApp, page: Page) -> None:
    work(page, "root.train").locator(".opening").click()
    expect(work(page, "root.train").locator(".body")).to_contain_text("epoch")
    app.change(lambda state: state["works"].update(late=component(y=1)))
    expect(work(page, "root.late")).to_be_visible()
    expect(work(page, "root.train").locator(".body")).to_contain_text("epoch")


def test_everything_can_be_done_by_keyboard(app: MemoryApp, page: Page) -> None:
    app.record("root.train", "k", "failed", message="no")
    expect(badge(page, "root.train")).to_have_text("failed")
    opening = work(page, "root.train").locator(".opening")
    opening.focus()
    page.keyboard.press("Enter")
    expect(opening).to_have_attribute("aria-expanded", "true")
    expect(work(page, "root.train").locator(".body")).to_be_visible()
    page.keyboard.press("Space")
    expect(opening).to_have_attribute("aria-expanded", "false")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Retry":
            break
    page.keyboard.press("Enter")
    app.wait_for_act("retry", "root.train", "k")


def test_it_is_readable_on_a_phone_and_in_the_dark(browser: Browser, app: MemoryApp, url: str, tmp_path: Path) -> None:
    app.record("root.train", "k", "failed", message="A rather long message " * 8)
    app.record("root.download", "k", "running")
    with visiting(browser, viewport={"width": 360, "height": 740}, color_scheme="dark") as page:
        page.goto(url)
        work(page, "root.train").locator(".opening").click()
        expect(work(page, "root.train").locator(".body")).to_be_visible()
        page.screenshot(path=tmp_path / "phone.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.locator("body")).to_have_class(re.compile("body--dark"))
        page.get_by_role("button", name="Light or dark").click()
        expect(page.locator("body")).to_have_class(re.compile("body--light"))
        page.reload()
        expect(page.locator("body")).to_have_class(re.compile("body--light"))


def test_tabs(browser: Browser, app: MemoryApp, url: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<!doctype html><title>Own</title><h1>A page of its own</h1>")
    app.tabs = [
        {"name": "Report", "content": "root.report"},
        {"name": "Site", "folder": str(site)},
        {"name": "Elsewhere", "content": f"{url.removesuffix('/view')}/frontend/1/index.html"},
    ]
    with visiting(browser, viewport={"width": 1000, "height": 700}) as page:
        page.goto(url)
        expect(page.get_by_role("tab")).to_have_text(["Overview", "Report", "Site", "Elsewhere"])
        page.get_by_role("tab", name="Report").click()
        expect(page.locator('[data-work="root.report.plot"]:visible')).to_have_count(1)
        expect(page.locator('[data-work="root.train"]:visible')).to_have_count(0)
        for name in ("Site", "Elsewhere"):
            page.get_by_role("tab", name=name).click()
            expect(page.frame_locator(f'iframe[title="{name}"]').locator("h1")).to_have_text("A page of its own")
        page.screenshot(path=tmp_path / "tab.png")
        app.tabs = app.tabs[:1]
        app.set("root", counter=9)
        expect(page.get_by_role("tab")).to_have_text(["Overview", "Report"])


def test_tabs_that_change_leave_the_user_where_he_is(browser: Browser, app: MemoryApp, url: str) -> None:
    app.tabs = [{"name": "Report", "content": "root.report"}, {"name": "Plot", "content": "root.report.plot"}]
    rows = {"Overview": "root.train", "Report": "root.report.plot"}
    with visiting(browser) as page:
        page.goto(url)
        opened = [
            page.locator(f'[role="tabpanel"]:has([data-work="{rows["Overview"]}"]) [data-work="{rows["Overview"]}"]')
        ]
        opened[0].locator(".opening").click()
        page.get_by_role("tab", name="Report").click()
        opened.append(page.locator(f'[data-work="{rows["Report"]}"]:visible'))
        opened[1].locator(".opening").click()
        expect(opened[1].locator(".body")).to_contain_text("dpi")

        def expect_unchanged() -> None:
            expect(page.get_by_role("tab", name="Report")).to_have_attribute("aria-selected", "true")
            expect(opened[1].locator(".body")).to_contain_text("dpi")

        app.tabs = [app.tabs[0], {"name": "Plot", "content": f"{url}/../healthz"}]
        app.set("root", counter=9)
        expect(page.locator('iframe[title="Plot"]')).to_have_count(0)
        expect_unchanged()
        app.tabs = [{"name": "First", "content": "root.download"}, *app.tabs]
        app.set("root", counter=10)
        expect(page.get_by_role("tab")).to_have_text(["Overview", "First", "Report", "Plot"])
        expect_unchanged()
        page.get_by_role("tab", name="Plot").click()
        expect(page.locator('iframe[title="Plot"]')).to_be_visible()
        page.get_by_role("tab", name="Overview").click()
        expect(opened[0].locator(".body")).to_contain_text("epoch")


def test_the_end_is_shown(browser: Browser, app: MemoryApp) -> None:
    with visiting(browser) as page:
        with app_page.serve(app, port=0) as address:
            page.goto(address)
            app.record("root.train", "k", "running")
            expect(badge(page, "root.train")).to_have_text("running")
            app.record("root.train", "k", "stopped")
            app.stage("stopping")
        expect(page.locator(".notice")).to_have_text("The app has ended. This is how it stood.")
        expect(badge(page, "root.train")).to_have_text("stopped")
        expect(page.locator("#popup")).to_be_hidden()


def test_a_token_lets_the_page_in(browser: Browser, app: MemoryApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYHANDS_TOKEN", "open sesame")
    with app_page.serve(app, port=0) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button").click()
        expect(page.get_by_text("That is not the token")).to_be_visible()
        page.get_by_label("Token").fill("open sesame")
        page.get_by_role("button").click()
        expect(page.locator(".work")).to_have_count(3)
        expect(page).to_have_url(address)
        app.record("root.train", "k", "running")
        expect(badge(page, "root.train")).to_have_text("running")
        context.close()


def test_another_site_may_lead_here_and_do_nothing_else(browser: Browser, app: MemoryApp, tmp_path: Path) -> None:
    app.served = [{"method": "GET", "route": "/order", "parameters": []}]
    app.answers = {("GET", "/order"): lambda: app._act("order")}
    other = MemoryApp(component(works={}, flows={}))
    other.tabs = [{"name": "Site", "folder": str(tmp_path)}]
    context = browser.new_context()
    page = context.new_page()
    with app_page.serve(app, port=0, names=["app.example"]) as link, app_page.serve(other, port=0) as elsewhere:
        here = link.partition("/view")[0]
        script = f"fetch('{here}/order', {{mode: 'no-cors'}}).catch(() => 0).then(() => document.title = 'tried')"
        (tmp_path / "index.html").write_text(
            f"<!doctype html><a href='{link}'>in</a><img src='{here}/order'><script>{script}</script>"
        )
        site = elsewhere.replace("127.0.0.1", "localhost").replace("/view", "/frontend/0/")
        page.goto(site)
        page.get_by_role("link").click()
        expect(page).to_have_url(f"{here}/view")
        expect(page.locator(".work")).to_have_count(3)
        page.goto(site)  # and once more, with the cookie
        expect(page).to_have_title("tried")
        assert app.acts == []
    context.close()


def test_a_page_that_has_been_left_costs_nothing(browser: Browser, app: MemoryApp, url: str) -> None:
    with visiting(browser) as page:
        page.goto(url)
        expect(page.locator(".work")).to_have_count(3)
        wait_until(lambda: len(app.listeners) == 1, "the subscription")
    wait_until(lambda: app.listeners == [], "the end of the subscription")


@pytest.mark.slow
def test_an_idle_page_costs_next_to_nothing(app: MemoryApp, page: Page) -> None:
    app.record("root.train", "k", "succeeded")
    expect(badge(page, "root.train")).to_have_text("succeeded")
    process = psutil.Process()
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    page.wait_for_timeout(10_000)
    share = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    assert share < 0.03
