"""Collect a book's `#@save` code and compare it with the modules that d2lbook wrote for it.

    python benchmarks/library.py BOOK

On a copy of the book, which has to bring d2lbook's modules. Each module that bookc writes is
imported in a process of its own, with empty packages for those that are not installed.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from costs import ROOT, copy_book, run
from rich.console import Console
from rich.table import Table

from bookc.config import read_config

SECTION = re.compile(r"Defined in (?::(?:numref|ref):`+)?\w")
IMPORT = '''
import importlib.abc, importlib.machinery, importlib.util, sys, types

class Meta(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Meta(name, (), {"__init__": lambda self, *a, **k: None})

class Empty(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(Meta("empty", (), {}), name)

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last: finds what nobody else does."""
    missing = set()
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ALLOWED:
            self.missing.add(name.split(".")[0])
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return Empty(spec.name)
    def exec_module(self, module):
        pass

ALLOWED = {"pandas", "requests", "torchvision", "scipy", "jax", "flax", "optax", "gym", "gpytorch",
           "tensorflow_datasets", "syne_tune"}
sys.meta_path.append(Finder())
import numpy
numpy.bool = bool  # mxnet asks for it
sys.path.insert(0, ".")
importlib.import_module(sys.argv[1])
print(*sorted(Finder.missing))
'''


def definitions(module: Path) -> dict[str, ast.stmt]:
    """The public names that a module defines, each with its last definition."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        for name in names_of(node):
            if not name.startswith("_"):
                found[name] = node
    return found


def names_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id


def documented(nodes: dict[str, ast.stmt]) -> tuple[int, int]:
    """How many docstrings name their section, of how many."""
    texts = [
        ast.get_docstring(node) or ""
        for node in nodes.values()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]
    return sum(bool(SECTION.search(text)) for text in texts), len(texts)


def order(names: list[str], others: list[str]) -> str:
    """Whether the names that both have stand in one order."""
    both = set(names) & set(others)
    left = [name for name in names if name in both]
    right = [name for name in others if name in both]
    differ = sum(one != other for one, other in zip(left, right, strict=True))
    return "the same" if not differ else f"{differ} of {len(left)} elsewhere"


def main() -> int:
    """0 if no name is missing and every module is imported."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("book", type=Path)
    args = parser.parse_args()
    columns = ("module", "names", "missing", "more", "order", "docstrings with section", "import")
    table = Table(*columns)
    failed = False
    with tempfile.TemporaryDirectory(prefix="library-") as name:
        copy = copy_book(args.book, Path(name) / "book")
        run([sys.executable, "-m", "bookc", "build", "lib", "--book", copy], ROOT)
        for file in read_config(copy).libraries.values():
            module = file.relative_to(copy)
            theirs, ours = definitions(args.book / module), definitions(file)
            dotted = ".".join(module.with_suffix("").parts)
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", IMPORT, dotted],
                cwd=copy,
                capture_output=True,
                text=True,
            )
            said = "yes"
            if done.returncode:
                said = done.stderr.strip().splitlines()[-1]
            elif done.stdout.strip():
                said = f"yes, without {done.stdout.strip().splitlines()[-1]}"
            missing = sorted(theirs.keys() - ours.keys())
            failed |= bool(missing or done.returncode)
            named, of = documented(ours)
            table.add_row(
                str(module),
                str(len(theirs)),
                ", ".join(missing) or "none",
                str(len(ours.keys() - theirs.keys())),
                order(list(theirs), list(ours)),
                f"{named} of {of}",
                said,
            )
    Console(width=160).print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
