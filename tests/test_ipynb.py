"""Notebooks as text: what nbformat itself would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookc.ipynb import nbformat, notebook_text

RECORD = Path(__file__).parent.parent / "notebooks"


@pytest.mark.parametrize(
    "file", sorted(RECORD.rglob("*.ipynb")), ids=lambda file: "/".join(file.parts[-3:])
)
def test_a_notebook_is_written_as_nbformat_writes_it(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    before = nbformat.from_dict(notebook)
    assert notebook_text(notebook) == nbformat.writes(notebook) + "\n"
    assert notebook == before


def test_a_notebook_that_is_none_is_refused() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("x")])
    notebook.cells[0].id = "not an id"
    with pytest.raises(nbformat.ValidationError):
        notebook_text(notebook)
