"""A hash of each cell, noted in compiled notebooks: it tells later which cells an author edited."""

from __future__ import annotations

import hashlib

from bookc.notebook.file import NotebookNode


def note_base(notebook: NotebookNode) -> None:
    """Note in a compiled notebook, before anybody edits it, what its cells are."""
    notebook.metadata["bookc"]["base"] = [[cell.id, digest(cell)] for cell in notebook.cells]


def is_edited(notebook: NotebookNode) -> bool:
    """Whether somebody changed a cell of a notebook that bookc wrote.

    Outputs do not count, nor empty cells: to run the last cell adds one.
    """
    if not is_compiled(notebook) or "base" not in notebook.metadata["bookc"]:
        return False
    now = [[cell.get("id"), digest(cell)] for cell in notebook.cells]
    was, is_now = (
        [row for row in rows if not row[1].endswith(_hash(""))]
        for rows in (notebook.metadata["bookc"]["base"], now)
    )
    return bool(was != is_now)


def with_outputs(compiled: NotebookNode, edited: NotebookNode) -> NotebookNode:
    """The newly compiled notebook with the outputs and metadata that the author's has."""
    old = [cell for cell in edited.cells if cell.cell_type == "code"]
    for cell in compiled.cells:
        match = next((one for one in old if digest(one) == digest(cell)), None)
        if match is not None:
            old.remove(match)
            cell.outputs, cell.execution_count = match.outputs, match.execution_count
            cell.metadata = {**match.metadata, **cell.metadata}
    compiled.metadata = {**edited.metadata, **compiled.metadata}
    return compiled


def is_compiled(notebook: NotebookNode) -> bool:
    """Whether what a notebook notes of itself has the form that compiling gives it."""
    about = notebook.metadata.get("bookc")
    if not isinstance(about, dict) or not all(isinstance(c.source, str) for c in notebook.cells):
        return False
    base = about.get("base", [])
    return isinstance(base, list) and all(
        isinstance(row, list) and [type(one) for one in row] == [str, str] for row in base
    )


def digest(cell: NotebookNode) -> str:
    """The kind of a cell and a hash of its text."""
    return f"{cell.cell_type}-{_hash(plain(cell.source).strip())}"


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def plain(text: str) -> str:
    """With `\\n` as the only line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
