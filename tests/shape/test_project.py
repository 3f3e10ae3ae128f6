"""The files around the code agree with each other and speak of the project alone."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from manyhands.settings import Settings
from tests.shape.tree import ROOT, project_files, short

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# Written apart, so that this file may be read by its own test.
ELSEWHERE = [
    "/" + "work/", "/" + "root/", "/" + "home/", "/tmp/" + "mh", "pypi" + r"\.org", "python" + r"hosted\.",
    "debian" + r"\.org", "npmjs" + r"\.", r"\bC" + r"EO\b", r"\bwork" + "place", "DESIGN" + r"\.md", "STYLE" + r"\.md",
    r"\bthe l" + r"ead\b", r"\bsub" + "agent", r"\bChat" + "GPT", r"\bC" + "laude", r"\bL" + r"LM\b",
    r"\bas an A" + r"I\b", r"\bmy sess" + "ion",
]  # fmt: skip
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
FOREIGN = re.compile("|".join(ELSEWHERE), re.IGNORECASE)

TEXTS = [path for path in project_files() if path.suffix not in {".png", ".ico", ".gz"} and path.name != "LICENSE"]


def hits(pattern: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{short(path)}:{number}: {line}" for number, line in enumerate(lines, 1) if pattern.search(line)]


@pytest.mark.parametrize("path", TEXTS, ids=short)
def test_the_project_speaks_of_itself_alone(path: Path) -> None:
    assert hits(FOREIGN, path) == []


@pytest.mark.parametrize("path", TEXTS, ids=short)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert hits(UNFINISHED, path) == []


def test_the_changelog_names_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == VERSION


def test_the_installed_version_is_this_one() -> None:
    assert importlib.metadata.version("manyhands") == VERSION


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "index.md").read_text()
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert records
    assert [name for name in records if f"({name})" not in index] == []
    assert [name[:4] for name in records] == [f"{number:04}" for number in range(1, len(records) + 1)]


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert [name for name in Settings.__struct_fields__ if f"| `{name}` |" not in page] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for_users = [extra for extra in extras if extra not in {"test", "check", "docs", "dev"}]
    wanted = [*project["dependencies"], *(requirement for extra in for_users for requirement in extras[extra])]
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted} - {"manyhands"}
    reasons = (ROOT / "docs/decisions/dependencies.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in reasons) == []
