"""The record: executed notebooks, and which of their outputs still belong to today's code.

An output is fresh when the code of its cell and of every cell before it is what was executed,
down to the symbols of the book's library that it uses (`provenance`). Code is compared as
Python's syntax tree, so comments and layout never make an output stale.
"""

from __future__ import annotations

import ast
import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bookc.book import BookError, Problem
from bookc.ipynb import NotebookNode, nbformat
from bookc.ipython import NOT_PYTHON, lines_of_ipython, python_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one cell printed and drew.

    Attributes:
        outputs: nbformat 4 output dictionaries.
        stale: whether they come from an earlier version of the code.
    """

    outputs: tuple[dict[str, Any], ...]
    stale: bool


def read_record(text: str, file: str) -> NotebookNode:
    """An executed notebook from its file's text.

    Raises:
        BookError: it is not a notebook.
    """
    try:
        record: NotebookNode = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises whatever its JSON holds
        message = f"not a notebook ({error}): let bookc write it again"
        raise BookError([Problem(file, 0, message.replace("\n", " "))]) from None
    return record


def match_outputs(notebook: NotebookNode, record: NotebookNode) -> dict[str, Recorded]:
    """Outputs of a record for the cells of a freshly compiled notebook.

    Cells are joined by all the code up to them, so a cell may move or be renumbered and keep
    its outputs. Where that fails, the recorded cell of the same id gives stale outputs.

    Returns:
        By cell id; cells without any outputs to show are left out.
    """
    by_code = dict(code_digests(record))
    by_id = {cell.id: cell for cell in record.cells}
    matched = {}
    for digest, cell in code_digests(notebook):
        fresh = by_code.get(digest)
        old = fresh or by_id.get(cell.id)
        if old is not None and old.cell_type == "code":
            matched[cell.id] = Recorded(tuple(old.outputs), stale=fresh is None)
    return matched


def stale_cells(notebook: NotebookNode, record: NotebookNode) -> list[NotebookNode]:
    """The code cells of a compiled notebook whose code so far was never executed."""
    executed = {digest for digest, _ in code_digests(record)}
    return [cell for digest, cell in code_digests(notebook) if digest not in executed]


def code_digests(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Each code cell with a digest of its code and of all the code before it."""
    uses = notebook.metadata.get("bookc", {}).get("uses", {})
    so_far = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            so_far.update(_normal_form(cell.source).encode())
            for symbol, digest in uses.items():
                if symbol in cell.source:
                    so_far.update(f"{symbol}={digest}".encode())
            yield so_far.copy().hexdigest(), cell


def heaviest_picture(cell: NotebookNode) -> int:
    """Bytes of the largest PNG among a recorded cell's outputs; 0 if it has none."""
    pictures = [
        output.data["image/png"]
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    return max((len(base64.b64decode(picture)) for picture in pictures), default=0)


def _normal_form(source: str) -> str:
    """Code without what cannot change its outputs: comments, blank lines, layout."""
    try:
        tree = ast.dump(ast.parse(python_of(source)))
    except NOT_PYTHON:
        return "\n".join(line.rstrip() for line in source.split("\n") if line.strip())
    if source.lstrip().startswith("%%"):
        return source.strip()
    return "\n".join([tree, *(line.strip() for line in lines_of_ipython(source))])
