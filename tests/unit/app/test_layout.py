"""What flows show, and what they offer to the outside."""

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from manyhands.app.api import Delete, Get, Post, Put, Route, commands_of, routes_of
from manyhands.app.frontend import Frontend, StaticWebFrontend
from manyhands.app.layout import layout_of
from manyhands.app.work import Work
from tests.unit.app.doubles import Counting, EmptyFlow, Holding


class Shown(EmptyFlow):
    """Shows what it is told to."""

    def __init__(self, layout: Any = None) -> None:
        super().__init__()
        self.child = Holding()
        self.other = EmptyFlow()
        self.work = Counting()
        self._given = layout

    def configure_layout(self) -> Any:
        return self._given(self) if callable(self._given) else self._given


def test_one_tab_for_each_child_flow() -> None:
    class Default(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.b = EmptyFlow()
            self.a = Holding()
            self.work = Counting()

    assert layout_of(Default()) == [{"name": "b", "content": "root.b"}, {"name": "a", "content": "root.a"}]
    assert layout_of(EmptyFlow()) == []


@pytest.mark.parametrize("layout", [None, 1, "text", {1}, lambda flow: flow.child, [1], [["a"]], lambda flow: [flow]])
def test_other_layouts_are_refused(layout: Any) -> None:
    with pytest.raises(TypeError, match=r"The return value of configure_layout\(\) in `Shown` is an unsupported"):
        layout_of(Shown(layout))


@pytest.mark.parametrize("entry", [{}, {"name": "x"}, {"content": 1}, {"content": None}, {"content": "no address"}])
def test_tabs_have_content_that_can_be_shown(entry: Any) -> None:
    for layout in (entry, [{"content": "https://a.b"}, entry]):
        with pytest.raises(ValueError, match=r"A dictionary returned by `Shown.configure_layout\(\)` (has|is missing)"):
            layout_of(Shown(layout))


def test_tabs_of_flows_works_and_addresses() -> None:
    def layout(flow: Any) -> Any:
        return [
            {"name": "One", "content": flow.child},
            {"content": flow.work},
            {"name": "Page", "content": "https://a.b/c"},
            {"content": "http://localhost:1"},
        ]

    flow = Shown(layout)
    flow.work.url = "http://127.0.0.1:9"
    assert layout_of(flow) == [
        {"name": "One", "content": "root.child"},
        {"name": "work", "content": "root.work", "target": "http://127.0.0.1:9"},
        {"name": "Page", "content": "https://a.b/c", "target": "https://a.b/c"},
        {"name": "Tab 4", "content": "http://localhost:1", "target": "http://localhost:1"},
    ]


@pytest.mark.parametrize("address", ["", "/file"])
def test_an_address_that_is_not_known_yet_shows_nothing(address: str) -> None:
    flow = Shown(lambda flow: {"name": "Page", "content": flow.work.url + address})
    assert layout_of(flow) == [{"name": "Page", "content": "", "target": ""}]
    flow.work.url = "http://127.0.0.1:9"
    shown = f"http://127.0.0.1:9{address}"
    assert layout_of(flow) == [{"name": "Page", "content": shown, "target": shown}]


def test_a_single_dict_is_one_tab() -> None:
    assert layout_of(Shown(lambda flow: {"name": "x", "content": flow.other})) == [
        {"name": "x", "content": "root.other"}
    ]


def test_a_layout_may_change_with_the_state() -> None:
    flow = Shown(lambda flow: [{"name": f"tab {flow.work.counter}", "content": flow.child}])
    assert layout_of(flow)[0]["name"] == "tab 0"  # type: ignore[index]
    flow.work.counter = 3
    assert layout_of(flow)[0]["name"] == "tab 3"  # type: ignore[index]


def test_a_work_shows_its_address_or_what_it_says() -> None:
    class Paged(Work):
        def configure_layout(self) -> Any:
            return "https://page"

        def run(self) -> None:
            pass

    class Odd(Paged):
        def configure_layout(self) -> Any:
            return 5

    class Parent(EmptyFlow):
        def __init__(self, work: Work) -> None:
            super().__init__()
            self.work = work

        def configure_layout(self) -> Any:
            return {"name": "w", "content": self.work}

    assert Counting().configure_layout() is None
    assert layout_of(Parent(Counting()))[0]["target"] == ""  # type: ignore[index]
    assert layout_of(Parent(Paged()))[0]["target"] == "https://page"  # type: ignore[index]
    with pytest.raises(TypeError, match="unsupported layout format"):
        layout_of(Parent(Odd()))


def test_a_frontend_is_a_server_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>hello</h1>")
    frontend = StaticWebFrontend(tmp_path)
    flow = Shown(frontend)
    assert layout_of(flow) == {"target": ""}
    assert frontend.flow is flow
    frontend.start_server("127.0.0.1", 0)
    try:
        assert layout_of(flow) == {"target": frontend.url}
        with urllib.request.urlopen(frontend.url, timeout=60) as page:
            assert page.read() == b"<h1>hello</h1>"
    finally:
        frontend.stop_server()
    frontend.stop_server()
    with pytest.raises(OSError):
        urllib.request.urlopen(frontend.url, timeout=60)


def test_a_frontend_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        StaticWebFrontend(tmp_path / "missing")


def test_a_frontend_is_to_be_written() -> None:
    with pytest.raises(NotImplementedError, match="Frontend has no start_server"):
        Frontend().start_server("127.0.0.1", 0)


# --- routes and commands ---------------------------------------------------------------------------------------------


class Offering(EmptyFlow):
    def __init__(self, routes: Any = (), commands: Any = ()) -> None:
        super().__init__()
        self.names: list[str] = []
        self._routes, self._commands = routes, commands

    def add(self, name: str, times: int = 1, how: Any = None) -> None:
        self.names += [name] * times

    def configure_api(self) -> Any:
        return self._routes(self) if callable(self._routes) else self._routes

    def configure_commands(self) -> Any:
        return self._commands(self) if callable(self._commands) else self._commands


def test_routes_of_all_flows() -> None:
    class Parent(Offering):
        def __init__(self) -> None:
            super().__init__(routes=lambda flow: [Post("/api/add/", flow.add, timeout=3), Get("x", flow.add)])
            self.child = Offering(routes=lambda flow: [Put("x", flow.add), Delete("/x", flow.add, options={"a": 1})])

    found = routes_of(Parent())
    assert [(route.verb, route.path) for route in found] == [
        ("POST", "/api/add"), ("GET", "/x"), ("PUT", "/x"), ("DELETE", "/x"),
    ]  # fmt: skip
    assert found[0].timeout == 3
    assert found[3].options == {"a": 1}


def test_commands_describe_what_they_take() -> None:
    flow = Offering(commands=lambda flow: [{"add user": flow.add}, {"list": flow.works}])
    found = commands_of(flow)
    assert list(found) == ["add user", "list"]
    assert (found["add user"].component, found["add user"].method) == ("root", flow.add)
    assert found["add user"].parameters == (
        {"name": "name", "type": "str", "required": True},
        {"name": "times", "type": "int", "required": False, "default": 1},
        {"name": "how", "type": "Any", "required": False, "default": None},
    )


@pytest.mark.parametrize(
    "routes",
    [
        1,
        "x",
        [1],
        [{"add": print}],
        [Post("x", 1)],
        [Post(1, print)],
        [Route("x", print)],
        [Get("x", print), Get("x", len)],
        [Get("/x/{a:nonsense}", print)],
        [Get("/x/{a}/{a:int}", print)],
        [Get("/healthz", print)],
        [Get("/api/v1/state", print)],
        [Post("/api/v1/works/x/stop/", print)],
        [Get("view", print)],
        [Get("/view/deeper", print)],
    ],  # type: ignore[arg-type]
)
def test_unfit_routes(routes: Any) -> None:
    with pytest.raises(TypeError, match="`root` offers"):
        routes_of(Offering(routes=routes))


def test_routes_that_only_look_like_those_of_every_app() -> None:
    paths = ["/", "/docs", "/views", "/api/v1/own", "/api/v1/statement", "/{a:path}", "/x/{a:int}/{b}", "/x/{1a:odd}"]
    routes = [Get(path, print) for path in paths]
    assert [route.path for route in routes_of(Offering(routes=routes))] == paths


@pytest.mark.parametrize("commands", [1, "x", [1], [{"a": 1}], [{1: print}], [{"": print}], [{"a": print}, {"a": len}]])
def test_unfit_commands(commands: Any) -> None:
    with pytest.raises(TypeError, match="`root` offers"):
        commands_of(Offering(commands=commands))


def test_a_flow_may_offer_what_its_child_offers() -> None:
    class Passing(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.child = Offering(lambda flow: [Post("add", flow.add)], lambda flow: [{"add": flow.add}])

        def configure_api(self) -> Any:
            return self.child.configure_api()

        def configure_commands(self) -> Any:
            return self.child.configure_commands()

    flow = Passing()
    assert [(route.path, route.method) for route in routes_of(flow)] == [("/add", flow.child.add)]
    assert [(name, command.component) for name, command in commands_of(flow).items()] == [("add", "root.child")]


def test_nothing_is_offered_by_default() -> None:
    assert (routes_of(EmptyFlow()), commands_of(EmptyFlow())) == ([], {})
