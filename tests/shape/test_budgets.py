"""The budgets of CONTRIBUTING: how long, how wide, how commented, and what a file may not contain."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.shape.tree import Function, classes, functions, parse, python_files, short

MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 8
MAX_PUBLIC_METHODS = 20
MAX_COMMENT_SHARE = 0.04

# A face keeps the signature that its users know, however wide: "file:function", with the reason beside it.
CUSTOMARY_SIGNATURES: frozenset[str] = frozenset(
    {
        "src/manyhands/cli/run_app.py:run_app",  # the options of the command that it stands in for
        "src/manyhands/app/work.py:Work.__init__",  # the customary arguments, and three of our own
    }
)

# The one adapter of an optional dependency may import it where it is used: file -> top-level packages.
LOCAL_IMPORTS: dict[str, frozenset[str]] = {}

STATUSES = frozenset(
    {"not_started", "pending", "running", "succeeded", "failed", "stopped", "skipped", "canceled", "resumable"}
)
# The one place where sets of statuses are spelt out; all others derive theirs from it.
TABLE_OF_MOVES = "src/manyhands/model/states.py"

VAGUE_NAMES = re.compile(r"(Manager|Handler|Utils?|Helpers?|Misc|Common)$", re.IGNORECASE)

SOURCES = python_files("src")
SHIPPED = python_files("src", "examples", "benchmarks")
ALL = python_files("src", "tests", "examples", "benchmarks", "docs")

each_source = pytest.mark.parametrize("path", SOURCES, ids=short)
each_shipped = pytest.mark.parametrize("path", SHIPPED, ids=short)


def where(path: Path, node: ast.AST) -> str:
    return f"{short(path)}:{getattr(node, 'lineno', 0)}"


def parameters(function: Function) -> int:
    """What a caller may pass; the receiver of a method is not passed."""
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_the_tree_is_seen() -> None:
    assert len(SOURCES) > 10
    assert Path(__file__) in ALL


@pytest.mark.parametrize("path", ALL, ids=short)
def test_module_length(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_MODULE_LINES, f"{short(path)} has {lines} lines: split it by subject"


@each_shipped
def test_function_length(path: Path) -> None:
    lengths = {where(path, f): (f.end_lineno or f.lineno) - f.lineno + 1 for _, f in functions(path)}
    assert {at: n for at, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


@each_source
def test_parameters(path: Path) -> None:
    too_wide = {f"{short(path)}:{name}" for name, f in functions(path) if parameters(f) > MAX_PARAMETERS}
    assert too_wide - CUSTOMARY_SIGNATURES == set(), "take an options dataclass"


def test_customary_signatures_are_still_wide() -> None:
    wide = {f"{short(p)}:{n}" for p in SOURCES for n, f in functions(p) if parameters(f) > MAX_PARAMETERS}
    assert wide >= CUSTOMARY_SIGNATURES, "an exemption that nothing needs any more"


@each_source
def test_public_methods(path: Path) -> None:
    for node in classes(path):
        public = [m.name for m in node.body if isinstance(m, Function) and not m.name.startswith("_")]
        assert len(public) <= MAX_PUBLIC_METHODS, f"{where(path, node)} {node.name}: {len(public)} public methods"


@each_source
def test_imports_are_at_the_top(path: Path) -> None:
    allowed = LOCAL_IMPORTS.get(short(path), frozenset())
    for name, function in functions(path):
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                found = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found = {(node.module or "").partition(".")[0]}
            else:
                continue
            assert found <= allowed, f"{where(path, node)} in {name}: imports belong at the top of the module"


@each_source
def test_no_state_in_modules(path: Path) -> None:
    for node in ast.walk(parse(path)):
        assert not isinstance(node, ast.Global), f"{where(path, node)}: keep state in an object that somebody made"
    for statement in parse(path).body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        assert not is_empty_container(value), f"{where(path, statement)}: an empty container is filled by someone"


def is_empty_container(value: ast.expr | None) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="list" | "dict" | "set" | "defaultdict" | "deque"), args=[], keywords=[]):
            return True
    return False


@each_source
def test_module_docstring_is_one_sentence(path: Path) -> None:
    if not parse(path).body:
        return
    docstring = ast.get_docstring(parse(path)) or ""
    assert docstring.endswith("."), f"{short(path)}: begin with one sentence that says what the module is for"
    assert "\n\n" not in docstring, f"{short(path)}: one sentence; the rest belongs to what it describes"
    assert not re.search(r"[.!?]\s+[A-Z]", docstring), f"{short(path)}: one sentence, not two"


def comment_lines(path: Path) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    lines = (t for t in tokens if t.type == tokenize.COMMENT and t.line.lstrip().startswith("#"))
    return sum(1 for _ in lines)


def test_few_comments() -> None:
    total = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES)
    comments = {short(path): comment_lines(path) for path in SOURCES}
    most = sorted(comments.items(), key=lambda item: -item[1])[:5]
    assert sum(comments.values()) <= MAX_COMMENT_SHARE * total, f"comments say why, code says what; most are in {most}"


@each_source
def test_nobody_lists_statuses(path: Path) -> None:
    if short(path) == TABLE_OF_MOVES:
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            assert not lists_statuses(node.comparators[0]), (
                f"{where(path, node)}: derive the set from the table of moves in {TABLE_OF_MOVES}"
            )


def lists_statuses(node: ast.expr) -> bool:
    if not isinstance(node, ast.Tuple | ast.List | ast.Set):
        return False
    words = {e.value if isinstance(e, ast.Constant) else getattr(e, "attr", None) for e in node.elts}
    return len({str(word).lower() for word in words} & STATUSES) > 1


@each_source
def test_names_say_something(path: Path) -> None:
    vague = [node.name for node in classes(path) if VAGUE_NAMES.search(node.name)]
    assert vague == []
    assert not VAGUE_NAMES.fullmatch(path.stem)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("s in ('failed', 'stopped')", True),
        ("s in {S.FAILED, S.STOPPED}", True),
        ("s in ('failed', 'odd')", False),
        ("s in TERMINAL", False),
    ],
)
def test_the_status_rule_itself(code: str, expected: bool) -> None:
    compare = ast.parse(code, mode="eval").body
    assert isinstance(compare, ast.Compare)
    assert lists_statuses(compare.comparators[0]) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [("[]", True), ("{}", True), ("set()", True), ("dict()", True), ("(1,)", False), ("{'a': 1}", False)],
)
def test_the_container_rule_itself(code: str, expected: bool) -> None:
    assert is_empty_container(ast.parse(code, mode="eval").body) is expected
