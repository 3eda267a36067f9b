"""Record -> what should not be in it: traces of a machine, warnings, large pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bookc import disk, files
from bookc.book import Build
from bookc.notebook.compile import with_code
from bookc.notebook.file import NotebookNode, code_cells
from bookc.notebook.foreign import read_foreign
from bookc.problems import BookError, Problem
from bookc.run.marks import CHECKED, IGNORED, SKIPPED, marks_of
from bookc.run.record import DARK_PNG, record_file
from bookc.run.tidy import ANSI, CELL_FILE, varies

PICTURE_LIMIT = 150_000  # bytes of one PNG: pages and clones stay light
# Folders of people and of temporary files, on any system.
PLACE = re.compile(r"(?<![\w.~-])(/home/|/root/|/Users/|/tmp/|/var/folders/|[A-Z]:\\Users\\)\S*")
WARNING = re.compile(r"^.*\b\w*Warning: .*$", re.MULTILINE)


def lint_record(build: Build) -> list[Problem]:
    """Everything that is wrong with the record of a book."""
    config = build.config
    problems: list[Problem] = []
    expected = {
        files.shown(record_file(config, *section), config) for section in with_code(build).notebooks
    }
    size = 0
    for file in sorted(config.record_dir.rglob("*.ipynb")):
        name = files.shown(file, config)
        if not files.is_own(config, file):
            continue
        size += file.stat().st_size
        if name not in expected:
            message = "no section has this notebook: `bookc clean --record` removes it, and "
            message += "`bookc execute` gives it to a section with the same code"
            problems.append(Problem(name, 0, message))
            continue
        try:
            record, odd = read_foreign(disk.read_text(file, name), name)
        except BookError as error:
            problems += error.problems
            continue
        problems += odd
        problems += lint_notebook(record, name)
    if size > config.record_limit * 1_000_000:
        message = f"{size / 1e6:.1f} MB, and record_limit in config.ini is {config.record_limit}"
        problems.append(Problem(files.shown(config.record_dir, config), 0, message))
    return problems


def lint_notebook(record: NotebookNode, name: str) -> Iterator[Problem]:
    """Everything that is wrong with one executed notebook.

    Args:
        name: the file's, for messages.
    """
    code = code_cells(record)
    for number, cell in enumerate(code, start=1):
        marks = marks_of(cell)
        for message in _cell_faults(cell, marks):
            where = cell.metadata.get("bookc", {})
            place = f"{where.get('source', '?')}:{where.get('line', 0)}"
            yield Problem(name, 0, f"cell {number} ({place}) {message}")


def _cell_faults(cell: NotebookNode, marks: set[str]) -> Iterator[str]:
    if SKIPPED not in marks and cell.get("execution_count") is None:
        yield "was not executed"
    for output in cell.get("outputs", ()):
        texts = list(_texts(output))
        for text in texts:
            if ANSI.search(text):
                yield "has escapes of a terminal"
            if found := CELL_FILE.search(text) or PLACE.search(text):
                yield f"names a place on a machine: {found[0]}"
            if output.output_type == "stream" and (found := WARNING.search(text)):
                yield f"shows a warning: {found[0].strip()[:100]}: mend its cause, or filter it"
        if varies(texts) and not marks & {IGNORED, CHECKED}:
            yield "differs from run to run, and has no tag nbval-ignore-output"
        yield from _picture_faults(output)


def _picture_faults(output: NotebookNode) -> Iterator[str]:
    png = output.get("data", {}).get("image/png")
    dark = output.get("metadata", {}).get(DARK_PNG)
    for picture in (png, dark):
        if isinstance(picture, str):
            size = len(picture) * 3 // 4  # base64
            if size > PICTURE_LIMIT:
                allowed = f"{PICTURE_LIMIT // 1000} KB are allowed"
                yield f"has a picture of {size // 1000} KB: {allowed}"
    if png is not None and png == dark:
        yield "has the same picture twice"
    if DARK_PNG in output.get("data", {}):
        yield "has a picture that nbval does not know: run `bookc execute` again"


def _texts(output: Any) -> Iterator[str]:
    for text in (output.get("text"), output.get("evalue"), *output.get("traceback", ())):
        if isinstance(text, str):
            yield text
    for kind, data in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(data, str):
            yield data
