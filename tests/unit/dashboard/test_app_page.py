"""What serving a page does besides: opening it, and saying which of its parts are not installed."""

import sys
import threading
import webbrowser

import pytest

from manyhands.dashboard import app_page
from manyhands.model.errors import MissingExtra
from tests.unit.rest.memory import MemoryApp, component


@pytest.mark.parametrize("package", ["fastapi", "nicegui", "uvicorn"])
def test_a_missing_extra_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("manyhands.rest.", "manyhands.dashboard.page"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Hides(package), *sys.meta_path])
    app = MemoryApp(component(works={}, flows={}))
    with pytest.raises(MissingExtra, match=rf"{package}.*pip install 'manyhands\[dashboard\]'"), app_page.serve(app):
        pass


def test_a_browser_that_keeps_whoever_opens_it_delays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    begun, closed = threading.Event(), threading.Event()

    def browse(url: str) -> None:
        opened.append(url)
        begun.set()
        closed.wait(60)

    monkeypatch.setattr(webbrowser, "open", browse)
    with app_page.serve(MemoryApp(component(works={}, flows={})), port=0, open_ui=True) as address:
        assert begun.wait(60)
        assert opened == [address]
        assert not closed.is_set()
    closed.set()


class _Hides:
    """Finds no package of this name."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
