"""What happens where the page's parts are not installed."""

import sys

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


class _Hides:
    """Finds no package of this name."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
