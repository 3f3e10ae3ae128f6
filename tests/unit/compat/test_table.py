"""The table of what is covered: it names what there is, and the page is made of it."""

from pathlib import Path

import pytest

import manyhands.compat.ray
import manyhands.compat.ray.workflow
import manyhands.compat.ray2.workflow
from manyhands.compat.alias import SYSTEMS
from manyhands.compat.table import TABLES, TITLES, Coverage, entries, page
from manyhands.workflow import WorkflowStatus

PAGE = Path(__file__).resolve().parents[3] / "docs/explanation/compatibility.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(), "write it anew: manyhands compat list --markdown > docs/explanation/compatibility.md"


def test_every_system_has_its_table() -> None:
    assert set(TABLES) == set(TITLES) == set(SYSTEMS)


def test_what_differs_or_is_missing_has_its_reason() -> None:
    for _, _, entry in entries():
        assert entry.state is Coverage.COVERED or entry.why, entry.original
        assert entry.ours or entry.state is not Coverage.COVERED, entry.original


def test_nothing_is_listed_twice() -> None:
    for system in SYSTEMS:
        names = [entry.original for _, _, entry in entries(system)]
        assert sorted(set(names)) == sorted(names)


def test_every_public_name_is_in_the_table() -> None:
    told = " ".join(entry.original for _, _, entry in entries("ray"))
    told += " " + " ".join(entry.ours for _, _, entry in entries("ray"))
    aside = {*WorkflowStatus, "VirtualActorClass", "exceptions", "workflow", "__version__"}
    for module in (manyhands.compat.ray, manyhands.compat.ray.workflow):
        missing = [name for name in module.__all__ if name not in told and name not in aside]
        assert missing == []


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the systems"):
        list(entries("rey"))
