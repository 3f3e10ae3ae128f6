"""What an app says of itself, and the tags that are made of it."""

from pathlib import Path
from typing import Any

import pytest

from manyhands.app import App, Flow
from manyhands.app.frontend import AppInfo
from manyhands.dashboard.head import head_of
from manyhands.model.errors import OptionError
from manyhands.rest.running import Running


class Root(Flow):
    def run(self) -> None: ...


def head(info: AppInfo | None) -> str:
    return head_of(Running(App(Root(), info=info)).about())


def test_an_app_that_says_nothing_has_its_name() -> None:
    assert Running(App(Root())).about() == {"title": "Root", "root_path": ""}
    assert head(None) == ""


def test_all_values_are_escaped() -> None:
    info = AppInfo(
        "T", description="\"'><script>", image='https://example.org/"><b>', meta_tags=["<meta name=a content='\"<'>"]
    )
    made = head(info)
    assert made.count("<") == made.count(">") == 5
    assert '<meta name="description" content="&quot;&#x27;&gt;&lt;script&gt;">' in made
    assert '<meta property="og:title" content="T">' in made
    assert '<meta name="a" content="&quot;&lt;">' in made


def test_the_favicon(tmp_path: Path) -> None:
    icon = tmp_path / "icon.svg"
    icon.write_text("<svg/>")
    assert AppInfo(favicon=str(icon)).favicon_url() == "data:image/svg+xml;base64,PHN2Zy8+"
    for url in ("https://example.org/x.ico", "data:image/png;base64,AA=="):
        assert AppInfo(favicon=url).favicon_url() == url
    assert AppInfo().favicon_url() == ""


@pytest.mark.parametrize(
    "given",
    [
        {"title": 5}, {"favicon": "nowhere.png"}, {"favicon": "javascript:alert(1)"}, {"image": "picture.png"},
        {"meta_tags": "<meta name=a>"}, {"meta_tags": [5]}, {"meta_tags": ["text"]},
        {"meta_tags": ["<script>1</script>"]},
        {"meta_tags": ["<meta name=a><b>"]}, {"meta_tags": ['<meta http-equiv="refresh" content="0;url=//x">']},
        {"meta_tags": ['<meta na"me="a">']}, {"meta_tags": [""]},
    ],
)  # fmt: skip
def test_what_cannot_be_shown(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(OptionError, match=name):
        AppInfo(**given)


def test_info_of_another_kind() -> None:
    with pytest.raises(OptionError, match="AppInfo"):
        App(Root(), info={"title": "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "prefix"), [("", ""), ("/", ""), ("/a", "/a"), ("a/b/", "/a/b"), ("/proxy/7501", "/proxy/7501")]
)
def test_the_prefix(given: str, prefix: str) -> None:
    app = App(Root(), root_path=given)
    assert (app.root_path, Running(app).about()["root_path"]) == (prefix, prefix)


@pytest.mark.parametrize("given", ["/a/../b", "/.", "//a//b", "/a b", '/"', "/<x>", "/a?b", "https://x/a", None, 5])
def test_a_prefix_that_is_none(given: Any) -> None:
    with pytest.raises(OptionError, match="root_path"):
        App(Root(), root_path=given)
