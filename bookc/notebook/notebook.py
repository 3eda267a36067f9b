"""(Chapter, tab) -> an nbformat 4.5 notebook, as a learner opens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bookc.book import Cell, Chapter
from bookc.notebook.file import NotebookNode, nbformat
from bookc.notebook.imports import sort_imports
from bookc.read import marks

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "nbconvert_exporter": "python",  # `jupyter nbconvert --to script` asks for it
    "pygments_lexer": "ipython3",
}


def make_notebook(
    chapter: Chapter,
    tab: str,
    prose: Mapping[str, str] | None = None,
    quick: bool = False,
    sort_in: str = "",
) -> NotebookNode:
    """Compile one section for one tab.

    Args:
        chapter: with that tab's cells only (`tabs.select_tab`).
        prose: what its prose cells read as, by id (`readable.readable_prose`); None leaves
            d2lbook's marks in it.
        quick: take the `#@quick` values.
        sort_in: the book's folder, to sort imports as isort does there; "" leaves them.

    Returns:
        A valid notebook without outputs. A code cell's metadata says where its source is:
        `bookc.source`, `bookc.line`, and `bookc.lines` where marks left gaps.

    Raises:
        BookError: a `#@quick` that cannot be used.
    """
    cells = []
    for cell in chapter.cells:
        where = {"source": chapter.file, "line": cell.line}
        if cell.kind == "markdown":
            source = cell.source if prose is None else prose[cell.id]
            node = NotebookNode(id=cell.id, cell_type="markdown", source=source)
        else:
            node, lines = _code_cell(cell, chapter.file, quick, sort_in)
            if not node.source.strip():
                continue
            where["line"] = lines[0]
            if tolerance := marks.tolerance_of(cell, chapter.file):
                where["tolerance"] = tolerance
            if lines != tuple(range(lines[0], lines[0] + len(lines))):
                where["lines"] = list(lines)
        # nbformat's own makers check each cell alone; the notebook is checked when it is written.
        node.setdefault("metadata", NotebookNode())["bookc"] = NotebookNode(where)
        cells.append(node)
    metadata = {
        "kernelspec": dict(KERNEL),
        "language_info": dict(LANGUAGE),
        "bookc": {"source": chapter.file, "tab": tab},
    }
    return NotebookNode(
        nbformat=4, nbformat_minor=5, metadata=nbformat.from_dict(metadata), cells=cells
    )


def source_line(cell: NotebookNode, line: int) -> int:
    """The Markdown line of line `line` (from 1) of a compiled code cell."""
    where = cell.metadata["bookc"]
    lines = where.get("lines")
    if lines:
        return int(lines[min(line, len(lines)) - 1])
    return int(where["line"]) + line - 1


def _code_cell(
    cell: Cell, file: str, quick: bool, sort_in: str
) -> tuple[NotebookNode, tuple[int, ...]]:
    source, lines = marks.strip_marks(cell)
    if quick:
        # Replaced values keep their lines, so the line numbers of the full cell hold.
        changed = replace(cell, source=marks.quick_source(cell, file))
        source, lines = marks.strip_marks(changed)
    if sort_in:
        source, order = sort_imports(source, sort_in)
        lines = tuple(lines[number - 1] for number in order)
    tags = marks.tags_of(cell)
    node = NotebookNode(
        id=cell.id,
        cell_type="code",
        metadata=NotebookNode(tags=list(tags)) if tags else NotebookNode(),
        source=source,
        execution_count=None,
        outputs=[],
    )
    return node, lines
