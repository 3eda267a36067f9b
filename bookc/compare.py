"""Two notebooks -> whether a reader sees the same, and if not, where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from bookc import markdown
from bookc.base import plain
from bookc.book import Cell, Chapter
from bookc.imports import sort_imports
from bookc.ipynb import NotebookNode
from bookc.notebook import make_notebook
from bookc.readable import readable_prose
from bookc.refs import Refs
from bookc.tabs import select_tab


def difference(
    chapter: Chapter,
    compiled: NotebookNode | None,
    edited: NotebookNode,
    refs: Refs,
    sort_in: str = "",
) -> tuple[str, str] | None:
    """The first line of the author's notebook that the chapter does not compile to, and its kind.

    Neighbouring cells of prose count as one, and so do several blank lines; a reference that
    the author wrote as in Markdown reads as what it compiles to. Neither blanks at the end of a
    line of code count nor, where the compiler sorts imports in the folder `sort_in`, how they
    are laid out.
    """
    if compiled is None:
        return "markdown", "a section without code for this tab"
    tab = compiled.metadata["bookc"]["tab"]
    again = (node for cell in edited.cells for node in _recompiled(cell, chapter, tab, refs))
    wanted, made = (
        [_laid_out(kind, text, sort_in) for kind, text in joined(cells)]
        for cells in (again, compiled.cells)
    )
    for (kind, text), other in zip_longest(wanted, made, fillvalue=("", "")):
        for line, got in zip_longest(text.split("\n"), other[1].split("\n"), fillvalue=""):
            if line != got or kind != other[0]:
                return kind or other[0], line.strip() or got.strip()
    return None


def same_for_reader(one: NotebookNode | None, other: NotebookNode | None) -> bool:
    """Whether two compiled notebooks have the same text in the same order."""
    if one is None or other is None:
        return one is other
    return joined(one.cells) == joined(other.cells)


def _recompiled(
    cell: NotebookNode, chapter: Chapter, tab: str, refs: Refs
) -> Iterator[NotebookNode]:
    """A cell of the author's, as it reads once it is part of the chapter."""
    kind = cell.cell_type
    if kind not in ("code", "markdown") or not cell.source.strip():
        return
    source = "\n".join(trimmed(plain(cell.source).split("\n")))
    if kind == "markdown":
        tokens = markdown.parse(source)
        for token in tokens:
            if token.type == "fence" and token.info.strip() == "toc":
                token.type = "code_block"
            token.meta.setdefault("number", "")
        refs = replace(refs, tokens={"edited": tokens})
    part = replace(chapter, cells=(Cell("edited", kind, source, (tab,), 1),))
    selected = select_tab(part, tab)
    if selected is not None:
        yield from make_notebook(selected, tab, readable_prose(selected, refs)).cells


def joined(cells: Iterable[NotebookNode]) -> list[tuple[str, str]]:
    """Kind and text of each cell that has any; neighbouring prose is one text."""
    result: list[tuple[str, str]] = []
    for cell in cells:
        text = "\n".join(trimmed(plain(cell.source).split("\n")))
        if cell.cell_type == "markdown":
            text = re.sub(r"[ \t]*\n\s*\n", "\n\n", text.strip())
            if text and result and result[-1][0] == "markdown":
                text = f"{result.pop()[1]}\n\n{text}"
        if text:
            result.append((cell.cell_type, text))
    return result


def _laid_out(kind: str, text: str, sort_in: str) -> tuple[str, str]:
    """Code in the layout that the compiler and people can agree on."""
    if kind == "code":
        text = re.sub(r"[ \t]+$", "", text, flags=re.M)
        text = sort_imports(text, sort_in)[0] if sort_in else text
    return kind, text


def trimmed(lines: Sequence[str]) -> list[str]:
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []
