"""(Book, tab) -> the text of the module that collects the book's #@save code."""

from __future__ import annotations

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
    return "\n\n\n".join([head, *blocks]) + "\n"
