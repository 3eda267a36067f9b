"""What an author says of how a cell runs: tags of Jupyter, and tags and comments of nbval.

`bookc execute` (nbclient) and `bookc test` (nbval) each know some of them. Here each mark means the
same to both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bookc.notebook.file import NotebookNode

IGNORED = "nbval-ignore-output"  # the cell's output is not compared
CHECKED = "nbval-check-output"  # it is compared, though it looks as if it varied
RAISES = "raises-exception"  # the cell has to fail
SKIPPED = "skip-execution"  # the cell does not run
NBVAL_SKIP = "nbval-skip"
# By what nbval knows beside these. All its tags are also comments: `# NBVAL_SKIP`.
SAME = {
    "nbval-skip": SKIPPED,
    "nbval-raises-exception": RAISES,
    "pytest-validate-ignore-output": IGNORED,
}
KNOWN = {IGNORED, CHECKED, RAISES, SKIPPED}
COMMENT = re.compile(r"^\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)


def marks_of(cell: NotebookNode) -> set[str]:
    """The marks of a code cell, each by one name."""
    return {SAME.get(tag, tag) for tag in _said(cell)} & KNOWN


def _said(cell: NotebookNode) -> Iterator[str]:
    yield from cell.metadata.get("tags", ())
    for comment in COMMENT.findall(cell.source):
        yield comment.lower().replace("_", "-")


@contextmanager
def marked_for_nbclient(notebook: NotebookNode) -> Iterator[None]:
    """While a notebook runs, its cells have the tags that nbclient knows."""
    before = [cell.metadata.get("tags") for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code" and (marks := marks_of(cell) & {RAISES, SKIPPED}):
            cell.metadata["tags"] = [*cell.metadata.get("tags", ()), *sorted(marks)]
    try:
        yield
    finally:
        for cell, tags in zip(notebook.cells, before, strict=True):
            cell.metadata.pop("tags", None)
            if tags is not None:
                cell.metadata["tags"] = tags


def mark_for_nbval(notebook: NotebookNode) -> None:
    """Give a cell that does not run the tag that nbval knows."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or COMMENT.search(cell.source):
            continue  # nbval warns of a cell that it is told twice about
        if SKIPPED in marks_of(cell):
            add_tag(cell, NBVAL_SKIP)


def add_tag(cell: NotebookNode, tag: str) -> None:
    """Tag a cell, unless it is tagged so."""
    tags = cell.metadata.get("tags", [])
    if tag not in tags:
        cell.metadata["tags"] = [*tags, tag]
