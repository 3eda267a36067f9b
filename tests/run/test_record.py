"""Which recorded outputs still belong to today's code."""

import nbformat
import pytest

from bookc.notebook.foreign import read_record
from bookc.notebook.notebook import make_notebook
from bookc.problems import BookError
from bookc.read.cells import parse_chapter
from bookc.run.record import match_outputs, stale_cells

SECTION = """\
# Section

```{.python .input}
a = 1
```

```{.python .input}
b = a + 1
print(b)
```

```{.python .input}
%matplotlib inline
print(a, b)
```
"""


def compiled(text: str):
    return make_notebook(parse_chapter(text, "page", "page.md", ["pytorch"]), "pytorch")


def executed(text: str):
    """The compiled notebook with an output in each cell that says which cell it is of."""
    notebook = compiled(text)
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for count, cell in enumerate(code, start=1):
        cell.outputs = [nbformat.v4.new_output("stream", text=f"output {count}")]
    return notebook


def outputs(text: str) -> list[str]:
    """What the section shows when it was recorded as SECTION: `old` marks stale outputs."""
    notebook = compiled(text)
    matched = match_outputs(notebook, executed(SECTION))
    return [
        "".join(output["text"] for output in matched[cell.id].outputs)
        + " old" * matched[cell.id].stale
        if cell.id in matched
        else "none"
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


FRESH = ["output 1", "output 2", "output 3"]


@pytest.mark.parametrize(
    "old,new",
    [
        ("", ""),
        ("# Section", "# Another title\n\nAnd a lot of prose."),
        ("a = 1", "a = 1  # one"),
        ("a = 1", "# one\n\na  =  1"),
        ("a = 1", "#@tags slow\na = 1"),
        ("a = 1", "#@save\na = 1"),
        ("a = 1", "a = 1  #@quick 2"),
        ("print(b)", "print(\n    b)"),
        (
            "```{.python .input}\nb",
            "Prose.\n\n```bash\nls\n```\n\n```{.python .input}\n#@tab all\nb",
        ),
    ],
    ids=["nothing", "prose", "comment", "layout", "tags", "save", "quick", "line", "more prose"],
)
def test_what_changes_no_output_makes_none_stale(old, new):
    text = SECTION.replace(old, new, 1) if old else SECTION
    assert outputs(text) == FRESH
    assert stale_cells(compiled(text), executed(SECTION)) == []


@pytest.mark.parametrize(
    "old,new,expected",
    [
        ("a = 1", "a = 2", ["output 1 old", "output 2 old", "output 3 old"]),
        ("print(b)", "print(b + 1)", ["output 1", "output 2 old", "output 3 old"]),
        ("print(b)", "print('b')", ["output 1", "output 2 old", "output 3 old"]),
        ("print(a, b)", "print(b, a)", ["output 1", "output 2", "output 3 old"]),
        ("%matplotlib inline", "%matplotlib agg", ["output 1", "output 2", "output 3 old"]),
        ("%matplotlib inline\n", "", ["output 1", "output 2", "output 3 old"]),
    ],
)
def test_a_code_line_makes_its_cell_and_all_after_it_stale(old, new, expected):
    text = SECTION.replace(old, new, 1)
    assert outputs(text) == expected
    stale = [cell.id for cell in stale_cells(compiled(text), executed(SECTION))]
    assert stale == [f"page-c{at}" for at, one in enumerate(expected, 1) if "old" in one]


def test_a_new_cell_makes_only_what_follows_stale():
    text = SECTION + "\n```{.python .input}\nnew = 1\n```\n"
    assert outputs(text) == [*FRESH, "none"]
    text = SECTION.replace("```{.python", "```{.python .input}\nnew = 1\n```\n\n```{.python", 1)
    assert outputs(text) == ["output 1 old", "output 2 old", "output 3 old", "none"]


def test_a_renumbered_cell_keeps_its_outputs():
    # Another tab's cell in front takes the number c1; this tab's cells become c2 to c4.
    other = "```{.python .input}\n#@tab mxnet\nx = 1\n```\n\n"
    text = SECTION.replace("```{", other + "```{", 1)
    chapter = parse_chapter(text, "page", "page.md", ["pytorch", "mxnet"])
    cells = tuple(cell for cell in chapter.cells if cell.tabs != ("mxnet",))
    notebook = make_notebook(type(chapter)("page", "page.md", cells), "pytorch")
    matched = match_outputs(notebook, executed(SECTION))
    assert list(matched) == ["page-c2", "page-c3", "page-c4"]
    assert [one.outputs[0]["text"] for one in matched.values()] == FRESH
    assert not any(one.stale for one in matched.values())


def test_a_record_that_is_no_notebook():
    for text in ("", "{}", "not json", '{"nbformat": 99, "cells": []}', "[]"):
        with pytest.raises(BookError, match=r"page\.ipynb: not a notebook"):
            read_record(text, "page.ipynb")
