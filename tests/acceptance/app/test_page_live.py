"""The page of an app that really runs, started by the command and steered by a browser."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.app.apps import environment, get, post, put
from tests.acceptance.browser import browsing, visiting
from tests.acceptance.kit import Place, family, started, wait_gone, wait_until

SEED = Path(__file__).parents[1] / "seeds" / "app_status.py"
VIEW = re.compile(r"View it in your browser: (\S+)\n")

STAGES = """
import os, time
from manyhands.app import App, Flow, Work

class Step(Work):
    def run(self, value):
        while not os.path.exists(f"go-{value}"):
            time.sleep(0.01)
        if value:
            raise ValueError(f"The provided value was {value}")

class Root(Flow):
    def __init__(self):
        super().__init__()
        self.work = Step(raise_exception=False)
        self.counter = 0
        self.upto = 1

    def run(self):
        print("TURN")
        if self.work.has_stopped:
            self.stop()
        if self.counter < self.upto:
            self.work.run(self.counter)
            self.counter += 1

app = App(Root())
"""

NAMES = """
from manyhands.app import App, Flow, Work
from manyhands.app.api import Get, Post
from manyhands.app.frontend import StaticWebFrontend

class Site(Flow):
    def run(self): ...
    def configure_layout(self):
        return StaticWebFrontend("site")

class Names(Flow):
    def __init__(self):
        super().__init__()
        self.names = []
        self.site = Site()

    def run(self): ...

    def add(self, name: str):
        self.names = [*self.names, name]
        return len(self.names)

    def configure_api(self):
        return [Post("/names/{name}", self.add), Get("/names", lambda: self.names)]

    def configure_layout(self):
        return [{"name": "Site", "content": self.site}]

app = App(Names())
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


class Live:
    """An app in a process of its own. `url`: its page."""

    def __init__(self, process: "subprocess.Popen[str]", output: Path) -> None:
        self.process = process
        self.output = output
        wait_until(lambda: VIEW.search(self.text) or process.poll() is not None, "the address of the page")
        found = VIEW.search(self.text)
        assert found is not None, self.text
        self.url = found[1]
        self.base = self.url.partition("/view")[0]

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_end(self) -> int:
        return self.process.wait(60.0)


@contextmanager
def living(place: Place, file: Path, *words: str, **more: str) -> Iterator[Live]:
    output = place.folder / "output.txt"
    order = [sys.executable, "-m", "manyhands", "run", "app", str(file), "--open-ui", "false", "--port", "0", *words]
    output.unlink(missing_ok=True)
    with started(order, place.folder, {**environment(place), **more}, output) as process:
        yield Live(process, output)


def shown(page: Page, stage: str) -> None:
    expect(page.locator('[data-work="root.work"] > .line > .badge')).to_have_text(stage)


def test_an_app_is_run_watched_retried_and_stopped(browser: Browser, place: Place, tmp_path: Path) -> None:
    program = place.folder / "stages.py"
    program.write_text(STAGES)
    with living(place, program, "--blocking", "true") as app, visiting(browser) as page:
        page.goto(app.url)
        shown(page, "not started")
        expect(page.locator(".top .badge")).to_have_text("waits to be run")
        assert "TURN" not in app.text
        page.get_by_role("button", name="Run the app").click()
        shown(page, "running")
        expect(page.locator(".top .badge")).to_have_text("running")
        go(place, 0)
        shown(page, "succeeded")
        assert post(f"{app.base}/api/v1/state", json={"state": {"vars": {"upto": 2}}}).status_code == 200
        shown(page, "running")
        go(place, 1)
        shown(page, "failed")
        row = page.locator('[data-work="root.work"]')
        expect(row.locator(".why")).to_contain_text("The provided value was 1")
        row.locator(".opening").click()
        expect(row.locator("[data-call]")).to_have_count(2)
        failed, succeeded = (row.locator("[data-call]").nth(place).locator(".history .badge") for place in (0, 1))
        expect(succeeded).to_have_text(["pending", "running", "succeeded"])
        expect(failed).to_have_text(["pending", "running", "failed"])
        page.screenshot(path=tmp_path / "failed.png", full_page=True)
        (place.folder / "go-1").unlink()
        page.get_by_role("button", name=re.compile("Retry call")).click()
        shown(page, "running")
        go(place, 1)
        shown(page, "failed")
        expect(failed).to_have_text(["pending", "running", "failed", "pending", "running", "failed"])
        page.get_by_role("button", name="Stop the work root.work").click()
        page.get_by_role("dialog").get_by_role("button", name="Stop work").click()
        assert app.wait_end() == 0  # this flow ends the app when its work has stopped
        expect(page.locator(".notice")).to_have_text("The app has ended. This is how it stood.")
        expect(page.locator(".top .badge")).to_have_text("ended")
        shown(page, "stopped")
        page.screenshot(path=tmp_path / "ended.png", full_page=True)


def go(place: Place, value: int) -> None:
    """Let the call of this value come to its end."""
    (place.folder / f"go-{value}").touch()


def test_the_app_is_stopped_by_its_page(browser: Browser, place: Place) -> None:
    with living(place, SEED) as app, visiting(browser) as page:
        page.goto(app.url)
        shown(page, "running")
        works = family(app.process.pid)
        page.get_by_role("button", name="Stop app").click()
        page.get_by_role("dialog").get_by_role("button", name="Stop app").click()
        assert app.wait_end() == 0
        assert "stopped successfully" in app.text
        wait_gone(works)
        expect(page.locator(".notice")).to_have_text("The app has ended. This is how it stood.")


def test_a_killed_work_is_shown_as_failed(browser: Browser, place: Place) -> None:
    program = place.folder / "sleeps.py"
    program.write_text(
        "import os, time\n"
        "from manyhands.app import App, Flow, Work\n"
        "class Sleeps(Work):\n"
        "    def __init__(self):\n"
        "        super().__init__(raise_exception=False)\n"
        "        self.pid = 0\n"
        "    def run(self):\n"
        "        self.pid = os.getpid()\n"
        "        time.sleep(600)\n"
        "class Root(Flow):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.work = Sleeps()\n"
        "    def run(self):\n"
        "        self.work.run()\n"
        "app = App(Root())\n"
    )
    with living(place, program) as app, visiting(browser) as page:
        page.goto(app.url)
        shown(page, "running")
        wait_until(lambda: _pid(app.base), "the work's process id")
        os.kill(_pid(app.base), signal.SIGKILL)
        shown(page, "failed")
        expect(page.locator(".why")).to_be_visible()


def _pid(base: str) -> int:
    state = get(f"{base}/api/v1/state").json()
    return int(state["works"]["work"]["vars"]["pid"])


def test_the_routes_of_a_running_app(browser: Browser, place: Place) -> None:
    program = place.folder / "names.py"
    program.write_text(NAMES)
    (place.folder / "site").mkdir()
    (place.folder / "site" / "index.html").write_text("<!doctype html><title>x</title><h1>A page of its own</h1>")
    with living(place, program) as app, visiting(browser) as page:
        assert post(f"{app.base}/names/ann").json() == 1
        assert post(f"{app.base}/names/bob").json() == 2
        assert get(f"{app.base}/names").json() == ["ann", "bob"]
        assert post(f"{app.base}/api/v1/state", json={"state": {"vars": {"names": ["eve"]}}}).status_code == 200
        assert get(f"{app.base}/names").json() == ["eve"]
        delta = {"delta": [[["vars", "names"], "extend", ["zoe"]]]}
        assert post(f"{app.base}/api/v1/delta", json=delta).status_code == 200
        wait_until(lambda: get(f"{app.base}/api/v1/state").json()["vars"]["names"] == ["eve", "zoe"], "the new names")
        page.goto(app.url)
        page.get_by_role("tab", name="Site").click()
        expect(page.frame_locator("iframe").locator("h1")).to_have_text("A page of its own")
        assert post(f"{app.base}/api/v1/state", json={"stage": "stopping"}).status_code == 200
        assert app.wait_end() == 0


BUSY = """
import time
from manyhands.app import App, Flow, Work
from manyhands.app.api import Get

class Busy(Flow):
    def __init__(self):
        super().__init__()
        self.turns = 0

    def run(self):
        self.turns += 1
        open("busy", "w").close()
        time.sleep(600)

    def configure_api(self):
        return [Get("/turns", lambda: self.turns, timeout=2)]

app = App(Busy())
"""


def test_a_flow_that_is_busy_keeps_nobody_else_waiting(place: Place) -> None:
    program = place.folder / "busy.py"
    program.write_text(BUSY)
    with living(place, program) as app:
        wait_until((place.folder / "busy").exists, "the flow that takes long")
        with ThreadPoolExecutor(5) as pool:
            slow = [pool.submit(get, f"{app.base}/{path}") for path in ("none", "api/v1/spec", "docs", "turns")]
            while not all(one.done() for one in slow):
                assert get(f"{app.base}/healthz").status_code == 200
        assert [one.result().status_code for one in slow] == [404, 200, 200, 504]
        assert get(f"{app.base}/api/v1/state").json()["vars"]["turns"] <= 1


PREFIXED = """
from manyhands.app import App, Flow
from manyhands.app.frontend import AppInfo, StaticWebFrontend

class Site(Flow):
    def run(self): ...
    def configure_layout(self):
        return StaticWebFrontend("site")

class Root(Flow):
    def __init__(self):
        super().__init__()
        self.site = Site()
        self.count = 0

    def run(self): ...

    def configure_layout(self):
        return [{"name": "Site", "content": self.site}]

app = App(Root(), info=AppInfo(title="Digits"), root_path="apps/digits/")
"""


@pytest.mark.parametrize("prefix", ["/apps/digits", ""])
def test_it_works_behind_a_proxy_that_keeps_or_takes_away_its_prefix(
    browser: Browser, place: Place, prefix: str
) -> None:
    program = place.folder / "prefixed.py"
    program.write_text(PREFIXED)
    (place.folder / "site").mkdir()
    (place.folder / "site" / "index.html").write_text("<!doctype html><title>x</title><h1>A page of its own</h1>")
    with living(place, program) as app, visiting(browser) as page:
        page.goto(f"{app.base}{prefix}/view")
        expect(page).to_have_title("Digits")
        page.locator('[data-flow="root"] > .line > .opening').click()
        value = page.locator('[data-flow="root"] > .body dd')
        expect(value).to_have_text("0")
        sent = post(f"{app.base}{prefix}/api/v1/state", json={"state": {"vars": {"count": 7}}})
        assert sent.status_code == 200
        expect(value).to_have_text("7")
        page.get_by_role("tab", name="Site").click()
        expect(page.frame_locator("iframe").locator("h1")).to_have_text("A page of its own")
        assert page.locator("iframe").get_attribute("src") == "/apps/digits/frontend/0/"
        page.goto(f"{app.base}{prefix}/")
        assert page.url == f"{app.base}/apps/digits/view"


SENT = """
import os
from manyhands.app import App, Drive, Flow, Work

class Reads(Work):
    def __init__(self):
        super().__init__(raise_exception=False)
        self.drive = Drive("lit://uploaded_files")
        self.text = ""

    def run(self):
        self.drive.get("words.txt", timeout=60, overwrite=True)
        self.text = open("words.txt").read()

class Root(Flow):
    def __init__(self):
        super().__init__()
        self.reads = Reads()

    def run(self):
        self.reads.run()
        self.stop(self.reads.text)

app = App(Root())
"""


def test_a_work_reads_what_was_sent(place: Place) -> None:
    program = place.folder / "sent.py"
    program.write_text(SENT)
    with living(place, program) as app:
        answer = put(f"{app.base}/api/v1/upload_file/words.txt", content=b"words that were sent")
        assert answer.json() == {"name": "words.txt", "drive": "lit://uploaded_files", "bytes": 20}
        assert app.wait_end() == 0
        assert "words that were sent" in app.text


def test_why_it_has_failed_is_on_the_page(browser: Browser, place: Place) -> None:
    program = place.folder / "fails.py"
    program.write_text(
        "import os\n"
        "from manyhands.app import App, Flow\n"
        "class Root(Flow):\n"
        "    def run(self):\n"
        "        if os.path.exists('go'):\n"
        "            raise ValueError('there is <b>nothing</b>')\n"
        "app = App(Root())\n"
    )
    with living(place, program) as app, visiting(browser) as page:
        page.goto(app.url)
        expect(page.locator("h1")).to_have_text("Root")
        expect(page.locator(".top .badge")).to_have_text("running")
        (place.folder / "go").touch()
        assert app.wait_end() == 1
        expect(page.locator(".notice")).to_contain_text("ValueError: there is <b>nothing</b>")


def test_a_token_is_asked_for_where_others_may_come(place: Place) -> None:
    program = place.folder / "names.py"
    program.write_text(NAMES)
    (place.folder / "site").mkdir()
    with living(place, program, "--host", "0.0.0.0") as app:
        token = app.url.partition("?token=")[2]
        assert len(token) >= 32
        base = f"http://127.0.0.1:{httpx.URL(app.url).port}"
        assert get(f"{base}/api/v1/state").status_code == 401
        bearer = {"authorization": f"Bearer {token}"}
        assert get(f"{base}/api/v1/state", headers=bearer).status_code == 200
    with living(place, program, MANYHANDS_TOKEN="of my own choice") as app:
        assert "token" not in app.url
        assert get(f"{app.base}/api/v1/state").status_code == 401
        own = {"authorization": "Bearer of my own choice"}
        assert get(f"{app.base}/api/v1/state", headers=own).status_code == 200
