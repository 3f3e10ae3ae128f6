"""The project's own files, as the shape tests see them."""

import ast
import functools
import importlib
import pkgutil
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path

import manyhands

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "manyhands"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Every file that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return tuple(sorted(path for name in set(listing.split("\0")) - {""} if (path := ROOT / name).is_file()))


def python_files(*folders: str) -> list[Path]:
    inside = [ROOT / folder for folder in folders]
    return [path for path in project_files() if path.suffix == ".py" and any(map(path.is_relative_to, inside))]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """All functions of a file with their dotted names, methods and nested ones too."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if isinstance(child, Function):
                    yield name, child
                yield from walk(child, f"{name}.")
            else:
                yield from walk(child, prefix)

    return walk(parse(path), "")


def classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, ast.ClassDef))


def import_everything() -> list[types.ModuleType]:
    """Every module of the package, imported; a `__main__` would start something, so it is left alone."""
    names = [info.name for info in pkgutil.walk_packages(manyhands.__path__, "manyhands.")]
    return [manyhands, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
