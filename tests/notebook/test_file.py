"""Notebooks as text: what nbformat itself would write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookc.notebook.file import _indented, nbformat, notebook_text
from bookc.run.build import make_build

RECORD = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize(
    "file", sorted(RECORD.rglob("*.ipynb")), ids=lambda file: "/".join(file.parts[-3:])
)
def test_a_notebook_is_written_as_nbformat_writes_it(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    before = nbformat.from_dict(notebook)
    assert notebook_text(notebook) == nbformat.writes(notebook) + "\n"
    assert notebook == before


@pytest.mark.parametrize("root", [RECORD.parent, RECORD.parent / "tests" / "books" / "tiny"])
def test_compiled_notebooks_are_valid(root: Path) -> None:
    """They are written without a look at each."""
    for depth in ("all", "raw"):
        for quick in (False, True):
            notebooks = make_build(root, depth, quick=quick).notebooks
            assert len(notebooks) > 10
            for notebook in notebooks.values():
                nbformat.validate(notebook)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_laid_out_as_by_json(value: object) -> None:
    wanted = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    assert _indented(value, "\n") == wanted


def test_a_notebook_that_is_none_is_refused() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("x")])
    notebook.cells[0].id = "not an id"
    with pytest.raises(nbformat.ValidationError):
        notebook_text(notebook)
