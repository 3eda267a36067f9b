"""What somebody did in a compiled notebook outlives the next compilation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import MakeBook

from bookc.__main__ import main

CHAPTER = "# Book\n\n```{.python .input}\n#@tab all\nx = 1\n```\n\nWords.\n"
OUTPUT = nbformat.v4.new_output("stream", text="1\n")
WARNING = (
    "was edited, and its chapter has changed since: it stays as it is until `bookc sync` has "
    "brought the edits back, or `bookc build notebooks --force` writes it anew\n1 warning\n"
)


@pytest.fixture
def root(make_book: MakeBook) -> Path:
    root = make_book({"index.md": CHAPTER})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    return root


@pytest.fixture
def file(root: Path) -> Path:
    return root / "_build" / "notebooks" / "mxnet" / "index.ipynb"


def change(file: Path, edit: Callable[[list[nbformat.NotebookNode]], object]) -> str:
    notebook = nbformat.read(file, as_version=4)
    edit(notebook.cells)
    nbformat.write(notebook, file)
    return file.read_text()


def run_cell(cells: list[nbformat.NotebookNode]) -> None:
    cells[1].outputs, cells[1].execution_count = [OUTPUT], 1


def test_an_edited_notebook_stays(root, file, capsys):
    edited = change(file, lambda cells: cells[1].update(source="x = 2"))
    capsys.readouterr()
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    assert capsys.readouterr().err == ""  # its chapter is as it was: there is nothing to say
    (root / "index.md").write_text(CHAPTER.replace("Words", "Other words"))
    for _ in range(2):  # the second time there is nothing to compile
        assert main(["build", "notebooks", "--book", str(root)]) == 0
        assert capsys.readouterr().err == f"{file}: {WARNING}"
        assert file.read_text() == edited
    other = file.parent.parent / "pytorch" / "index.ipynb"
    assert "Other words" in other.read_text()
    assert main(["build", "notebooks", "--book", str(root), "--force"]) == 0
    assert "Other words" in file.read_text() and "x = 1" in file.read_text()


@pytest.mark.parametrize("edit", [lambda cells: cells.pop(), lambda cells: cells.reverse()])
def test_cells_that_went_or_moved_are_edits(root, file, edit):
    edited = change(file, edit)
    (root / "index.md").write_text(CHAPTER.replace("Words", "Other words"))
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    assert file.read_text() == edited


def test_a_notebook_that_was_run_keeps_the_outputs_of_code_that_stays(root, file):
    change(file, run_cell)
    change(file, lambda cells: cells.append(nbformat.v4.new_code_cell()))  # as Shift-Enter does
    (root / "index.md").write_text(CHAPTER.replace("Words", "Other words"))
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    cells = nbformat.read(file, as_version=4).cells
    assert cells[1].outputs == [OUTPUT] and cells[2].source == "Other words."
    (root / "index.md").write_text(CHAPTER.replace("x = 1", "x = 3"))
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    assert nbformat.read(file, as_version=4).cells[1].outputs == []


def test_a_cell_of_nothing_but_marks_is_no_edit(root, file):
    for text in (f"{CHAPTER}\n```{{.python .input}}\n#@tab all\n2\n```\n", CHAPTER):
        (root / "index.md").write_text(
            f"{text}\n```{{.python .input}}\n#@tab all\n1\n```\n\n:bibliography:`a.bib`\n"
        )
        assert main(["build", "notebooks", "--book", str(root)]) == 0
    sources = [cell.source for cell in nbformat.read(file, as_version=4).cells]
    assert sources[-1] == "" and "2" not in sources


@pytest.mark.parametrize("text", ["", "{}", "\xff", '{"cells": 1, "nbformat": 4}'])
def test_what_is_no_notebook_gives_way(root, file, text):
    compiled = file.read_text()
    file.write_bytes(text.encode("latin-1"))
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    assert file.read_text() == compiled
