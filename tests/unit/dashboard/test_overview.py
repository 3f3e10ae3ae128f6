"""What the page shows, made of the state."""

from typing import Any

import pytest

from manyhands.dashboard.overview import Flow, Work, can_retry, can_stop, has_failed, overview
from tests.unit.rest.memory import MemoryApp, component


def app() -> MemoryApp:
    works = {"w": component(x=1, _url="http://127.0.0.1:9", _display_name="A work", text="t" * 1000)}
    state = component(works=works, flows={"f": component(works={"v": component()}, flows={})}, counter=0, _layout={})
    listed = {"works": {"0": component(), "1": component()}, "flows": {}}
    return MemoryApp({**state, "structures": {"many": listed}})


def work(app: MemoryApp, name: str) -> Work:
    found = overview(app.snapshot()).find(name)
    assert isinstance(found, Work)
    return found


def test_the_tree() -> None:
    seen = overview(app().snapshot())
    assert [work.name for work in seen.root.works()] == ["root.w", "root.f.v", "root.many.0", "root.many.1"]
    assert isinstance(seen.find("root.f"), Flow)
    assert seen.find("root.none") is None
    assert seen.counts == {"not_started": 4}


def test_only_public_attributes_are_shown_and_long_ones_shortened() -> None:
    made = app()
    assert overview(made.snapshot()).root.attributes == (("counter", "0"),)
    shown = dict(work(made, "root.w").attributes)
    assert list(shown) == ["x", "text"]
    assert len(shown["text"]) == 300
    assert shown["text"].endswith("…")


def test_a_work_names_its_page_and_title() -> None:
    found = work(app(), "root.w")
    assert (found.title, found.url, found.short) == ("A work", "http://127.0.0.1:9", "w")


def test_the_history_of_a_call() -> None:
    made = app()
    for at, stage in ((100.0, "pending"), (103.5, "running"), (104.75, "failed")):
        made.record("root.w", "k", stage, at, **({"reason": "timeout", "message": "no"} if stage == "failed" else {}))
    found = work(made, "root.w")
    (call,) = found.calls
    assert call is found.call
    assert [(record.stage, record.seconds) for record in call.records] == [
        ("pending", 3.5), ("running", 1.25), ("failed", None),
    ]  # fmt: skip
    assert (call.last.reason, call.last.message, call.ran) == ("timeout", "no", 1.25)
    assert (found.stage, found.since) == ("failed", 104.75)
    made.record("root.w", "k", "stopped", 105.0)
    assert work(made, "root.w").calls[0].message == "no"


def test_records_that_came_out_of_order_are_put_in_order() -> None:
    made = app()
    for at, stage in ((2.0, "running"), (1.0, "pending"), (3.0, "succeeded")):
        made.record("root.w", "k", stage, at)
    assert [record.stage for record in work(made, "root.w").calls[0].records] == ["pending", "running", "succeeded"]


def test_calls_are_listed_newest_first_and_the_latest_one_counts() -> None:
    made = app()
    made.record("root.w", "a", "pending", 1.0)
    made.record("root.w", "a", "running", 2.0)
    made.record("root.w", "b", "pending", 3.0)
    found = work(made, "root.w")
    assert [call.key for call in found.calls] == ["b", "a"]
    assert found.stage == "running"
    assert found.call is not None
    assert found.call.key == "a"


@pytest.mark.parametrize(
    ("stages", "stop", "retry"),
    [
        (["pending"], True, False),
        (["pending", "running"], True, False),
        (["pending", "running", "succeeded"], True, False),
        (["pending", "running", "failed"], True, True),
        (["pending", "running", "failed", "stopped"], False, False),
    ],
)
def test_what_can_be_done(stages: list[str], stop: bool, retry: bool) -> None:
    made = app()
    for at, stage in enumerate(stages, 1):
        made.record("root.w", "k", stage, float(at))
    found = work(made, "root.w")
    assert can_stop(found) is stop
    assert can_retry(found, found.calls[0]) is retry


def test_a_failed_call_of_a_stopped_work_stays_failed() -> None:
    made = app()
    for at, (key, stage) in enumerate([("a", "running"), ("a", "failed"), ("b", "running"), ("b", "stopped")], 1):
        made.record("root.w", key, stage, float(at))
    found = work(made, "root.w")
    assert not can_retry(found, found.calls[-1])


@pytest.mark.parametrize(
    ("stage", "over"),
    [("blocking", False), ("running", False), ("restarting", False), ("stopping", True), ("failed", True)],
)
def test_when_an_app_is_over(stage: str, over: bool) -> None:
    made = app()
    made.stage(stage)
    assert overview(made.snapshot()).is_over is over


def test_an_entry_without_statuses_is_no_call() -> None:
    made = app()

    def act(state: dict[str, Any]) -> None:
        state["works"]["w"]["calls"].update(k={"ret": None}, dropped_successes=3)

    made.change(act)
    assert work(made, "root.w").calls == ()


def test_structures_are_told_from_flows() -> None:
    root = overview(app().snapshot()).root
    assert {child.short: child.is_structure for child in root.children if isinstance(child, Flow)} == {
        "f": False,
        "many": True,
    }


def test_why_the_app_has_failed() -> None:
    made = app()
    assert overview(made.snapshot()).message == ""
    made.change(lambda state: state["app_state"].update(stage="failed", message="no disk"))
    assert overview(made.snapshot()).message == "no disk"


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (["pending"], False),
        (["pending", "running", "failed"], True),
        (["pending", "running", "failed", "stopped"], True),
        (["pending", "running", "stopped"], False),
        (["running", "failed", "pending"], False),
        (["stopped"], False),
    ],
)
def test_a_call_that_has_failed_has_failed_when_its_work_is_stopped(stages: list[str], expected: bool) -> None:
    made = app()
    for at, stage in enumerate(stages, 100):
        made.record("root.w", "k", stage, float(at))
    assert has_failed(work(made, "root.w").calls[0]) is expected
