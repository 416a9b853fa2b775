"""The project's own files, for tests that read them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    """A module of the package."""

    path: str
    """From the project's folder: ``opstui/core/text.py``."""
    tree: ast.Module
    lines: int


@cache
def modules(under: str = "opstui") -> tuple[Module, ...]:
    """Every module below a folder, parsed."""
    found = []
    for path in sorted((PROJECT / under).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path.relative_to(PROJECT).as_posix(), ast.parse(text), text.count("\n") + 1))
    return tuple(found)


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows; outside a repository, every file that is not an artefact."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return tuple(PROJECT / name for name in listed.stdout.split("\0") if name and (PROJECT / name).is_file())
    return tuple(path for path in PROJECT.rglob("*") if path.is_file() and not path.parts[-2].startswith("."))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its name as written: ``Static``, ``self.notify``, ``datetime.now``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield written(node.func), node


def written(node: ast.expr) -> str:
    """A dotted name as it stands in the source; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = written(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def enclosing(tree: ast.Module) -> dict[ast.AST, str]:
    """Node → dotted name of the functions and classes it stands in."""
    names: dict[ast.AST, str] = {}

    def walk(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            names[child] = inside
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            walk(child, f"{inside}.{child.name}".lstrip(".") if named else inside)

    walk(tree, "")
    return names
