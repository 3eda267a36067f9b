"""Code that an edit leaves as it was is marked as it was, by the whole of `bookc sync`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import MakeBook
from nbformat import NotebookNode

from bookc.__main__ import main

Sync = Callable[..., str]


def function(name: str) -> str:
    return f"def {name}(a):\n    return a + {name[1:]}"


def added(name: str, mark: str = "") -> str:
    return f"@d2l.add_to_class(M){mark}\ndef {name}(self):\n    return 1"


def page(*cells: str) -> str:
    fences = (f"```{{.python .input}}\n#@tab pytorch\n{cell}\n```\n" for cell in cells)
    return "\n".join(["# A\n", *fences, "```{.python .input}\n#@tab mxnet\n1\n```\n"])


@pytest.fixture
def sync(make_book: MakeBook, capsys: pytest.CaptureFixture[str]) -> Sync:
    """Give the code cells of a page's notebook other texts; the page then, or what was said."""

    def run(text: str, *sources: str) -> str:
        root = make_book({"index.md": text})
        assert main(["build", "notebooks", "--book", str(root)]) == 0
        file = Path(root, "_build", "notebooks", "pytorch", "index.ipynb")
        notebook = nbformat.read(file, as_version=4)
        give(notebook, sources)
        nbformat.write(notebook, file)
        capsys.readouterr()
        status = main(["sync", "--book", str(root), str(file)])
        after = (root / "index.md").read_text()
        errors = capsys.readouterr().err
        assert (status, after) == (1, text) if errors else status == 0
        return errors or after

    return run


def test_headings_do_not_change_places_without_their_labels(
    make_book: MakeBook, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, middle = "## Part one\n", "## Part two\n", "\nFirst.\n\nSecond.\n\nThird.\n\n"
    text = f"# A\n\n{one}:label:`sec_one`\n{middle}{two}\nLast.\n"
    root = make_book({"index.md": text})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    file = Path(root, "_build", "notebooks", "pytorch", "index.ipynb")
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[0].source = f"# A\n\n{two}{middle}{one}\nLast."
    nbformat.write(notebook, file)
    assert main(["sync", "--book", str(root), "--shared=all", str(file)]) == 1
    said = capsys.readouterr().err
    assert "index.md:3: '## Part one' would lose :label:`sec_one`" in said
    assert (root / "index.md").read_text() == text


def give(notebook: NotebookNode, sources: tuple[str, ...]) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, source in zip(code, sources, strict=False):
        cell.source = source
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in sources[len(code) :]]


def test_a_mark_goes_with_the_last_of_several_deleted_functions(sync: Sync) -> None:
    cell = f"{function('f2')}\n\n#@save\n{function('f3')}\n\n{function('f4')}"
    assert sync(page(cell), function("f4")) == page(function("f4"))


def test_functions_do_not_change_places_without_their_marks(sync: Sync) -> None:
    one, two, middle = function("f1"), function("f2"), "\nmid = 1\nend = 2\nlast = 3\n"
    said = sync(page(f"#@save\n{one}{middle}{two}"), f"{two}{middle}{one}")
    assert "index.md:6: 'def f1(a):' would lose #@save" in said
    assert "index.md:11: 'def f2(a):' would get #@save" in said


def test_equal_lines_of_two_functions_are_not_taken_for_each_other(sync: Sync) -> None:
    cell = f"{added('f', '  #@save')}\n\n{added('g', '  #@save')}"
    said = sync(page(cell), added("f"), added("g"))
    assert "index.md:9: 'def g(self):' would lose #@save" in said and "\n1 error\n" in said


def test_a_line_does_not_come_between_a_mark_and_what_it_saves(sync: Sync) -> None:
    said = sync(page("#@save\nx = 1\ny = 2"), "x = 1\n\ny = 2")
    assert "'y = 2' would lose #@save" in said


def test_a_mark_does_not_stay_without_anything_to_save(sync: Sync) -> None:
    said = sync(page("#@save\n# What it is\nx = 1"), "# What it is")
    assert "index.md:5: #@save marks nothing" in said


def test_a_value_for_quick_runs_stays_with_its_line(sync: Sync) -> None:
    a, b = "n = 20\nuse(n)", "n = 90\nuse(n)"
    middle = "\nmid()\nend()\nlast()\n"
    said = sync(page(f"{a.replace('20', '20  #@quick 1')}{middle}{b}"), f"{b}{middle}{a}")
    assert "'n = 20' would lose #@quick 1" in said


def test_a_mark_that_the_author_writes_comes(sync: Sync) -> None:
    two = [function("f1"), function("f2")]
    for marked in (f"#@save\n{two[1]}", two[1].replace(":", ":  #@save")):
        assert sync(page("\n\n".join(two)), f"{two[0]}\n\n{marked}") == page(
            f"{two[0]}\n\n{marked}"
        )


def test_an_edited_function_stays_saved_and_equal_ones_may_go(sync: Sync) -> None:
    saved = f"#@save\n{function('f1')}"
    new = function("f1").replace("a + 1", "a * 3")
    assert sync(page(saved), new) == page(f"#@save\n{new}")
    twice = f"{saved}\n\nmid()\n\n{function('f1')}"
    assert sync(page(twice), f"{function('f1')}\n\nmid()") == page(f"{saved}\n\nmid()")
