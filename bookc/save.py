"""(Book, tab) -> the text of the module that collects the book's #@save code."""

from __future__ import annotations

import ast

from bookc.book import Book, BookError, Problem
from bookc.marks import saved_blocks
from bookc.tabs import select_tab

HEADER = '''"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""
'''


def make_library(book: Book, tab: str) -> str:
    """Every saved block of a tab in book order, each under the section that defines it.

    Imports come first and once; they hold for the whole module.

    Raises:
        BookError: a saved cell is not Python, or a mark saves nothing.
    """
    imports: dict[str, None] = {}
    blocks: list[str] = []
    problems: list[Problem] = []
    for chapter in book.chapters:
        selected = select_tab(chapter, tab)
        for cell in selected.cells if selected else ():
            if cell.kind != "code":
                continue
            try:
                saved = saved_blocks(cell, chapter.file)
            except BookError as error:
                problems += error.problems
                continue
            for block in saved:
                if block.startswith(("import ", "from ")):
                    imports.update(dict.fromkeys(block.split("\n")))
                else:
                    blocks.append(f"# {chapter.path}\n{block}")
    if problems:
        raise BookError(problems)
    head = "\n".join([HEADER, *imports]) if imports else HEADER.rstrip()
    names = sorted({name for block in blocks for name in _defined(block)})
    listed = "".join(f'    "{name}",\n' for name in names)
    public = f"__all__ = [\n{listed}]" if names else "__all__: list[str] = []"
    return "\n\n\n".join([f"{head}\n\n{public}", *blocks]) + "\n"


def _defined(block: str) -> list[str]:
    """The public functions and classes of a block, which `import *` shall bring."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name for node in ast.parse(block).body if isinstance(node, kinds)]
    return [name for name in names if not name.startswith("_")]
