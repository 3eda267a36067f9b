"""The record: executed notebooks, and which of their outputs still belong to today's code.

An output is fresh when the code of its cell and of every cell before it is what was executed,
down to the symbols of the book's library that it uses (notebook/uses.py). Code is compared as
Python's syntax tree, so comments and layout never make an output stale.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from bookc import disk, files
from bookc.book import Build, Recorded, TabSection
from bookc.config import Config
from bookc.notebook.compile import with_code
from bookc.notebook.file import NotebookNode, code_cells
from bookc.notebook.foreign import read_foreign
from bookc.problems import BookError, Problem, collecting
from bookc.read.python import NOT_PYTHON, lines_of_ipython, python_of

# What d2l_shim calls a picture for dark pages. A record has it in an output's metadata: no other
# program knows it, and nbval compares all that is among the data.
DARK_PNG = "image/x-dark+png"
LARGEST = 1e18  # bytes or seconds: more is no number that was measured


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


@cache  # a cell stands in a notebook and in its record, and often in those of other tabs
def _normal_form(source: str) -> str:
    """Code without what cannot change its outputs: comments, blank lines, layout."""
    try:
        tree = ast.dump(ast.parse(python_of(source)))
    except NOT_PYTHON:
        return "\n".join(line.rstrip() for line in source.split("\n") if line.strip())
    if source.lstrip().startswith("%%"):
        return source.strip()
    return "\n".join([tree, *(line.strip() for line in lines_of_ipython(source))])


def load_record(
    config: Config, notebooks: Mapping[TabSection, NotebookNode]
) -> tuple[dict[tuple[str, str], Recorded], list[Problem]]:
    """Recorded outputs by tab and cell id, for the cells of the compiled notebooks.

    Returns:
        The outputs, and as warnings those that cannot be shown.

    Raises:
        BookError: records that are not notebooks.
    """
    recorded = {}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for (tab, path), notebook in notebooks.items():
        with collecting(problems):
            if (record := record_of(config, tab, path, warnings)) is not None:
                for cell_id, outputs in match_outputs(notebook, record).items():
                    recorded[tab, cell_id] = outputs
    if problems:
        raise BookError(problems)
    return recorded, warnings


def outdated(build: Build) -> Iterator[str]:
    """A line for each notebook that shows outputs of an earlier version, or none at all."""
    recorded = build.recorded
    for (tab, path), notebook in with_code(build).notebooks.items():
        code = [cell.id for cell in code_cells(notebook)]
        stale = [cell for cell in code if (tab, cell) in recorded and recorded[tab, cell].stale]
        if stale:
            yield f"{path} ({tab}): outputs of {len(stale)} cells are from an earlier version"
        elif not any((tab, cell) in recorded for cell in code):
            yield f"{path} ({tab}): never executed"


def record_of(
    config: Config, tab: str, path: str, warnings: list[Problem] | None = None
) -> NotebookNode | None:
    """The executed notebook of a section; None if it was never recorded.

    Args:
        warnings: grows by what in it has not the form of a notebook.

    Raises:
        BookError: it is no notebook, or no file of the book.
    """
    file = record_file(config, tab, path)
    if not file.exists():
        return None
    if not files.is_own(config, file):
        message = "not a file of the book, or hidden: its outputs are not read"
        raise BookError([Problem(files.shown(file, config), 0, message)])
    name = files.shown(file, config)
    record, odd = read_foreign(disk.read_text(file, name), name)
    if warnings is not None:
        warnings += odd
    return record


def seconds_of(record: NotebookNode | None) -> float:
    """How long a notebook ran when it was recorded; 0 if that is not known."""
    return amount(record.metadata.get("bookc", {}).get("seconds")) if record else 0.0


def amount(said: object) -> float:
    """A number of seconds or bytes that a file of JSON gives; 0 for what is none."""
    if type(said) not in (int, float) or not 0 <= said < LARGEST:  # type: ignore[operator]
        return 0.0
    return float(said)  # type: ignore[arg-type]


def record_file(config: Config, tab: str, path: str) -> Path:
    return config.record_dir / tab / f"{path}.ipynb"
