"""What an author edits in one tab's notebook comes back to the Markdown, and nothing else does."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookc.__main__ import main
from bookc.author.sync import sync_text
from bookc.author.verify import joined
from bookc.notebook.edited import note_base
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError
from bookc.read.cells import parse_chapter

TABS = ("pytorch", "tensorflow", "mxnet")
TINY = Path(__file__).parents[1] / "books" / "tiny"
CHAPTER = """\
# Title
:label:`sec_t`

Two words.
The second line stays.

```{.python .input}
#@tab pytorch
#@save
def f(x):  #@save
    return x
n = 20  #@quick 1
```

```{.python .input}
#@tab mxnet
def f(x):
    return -x
```

:begin_tab:`tensorflow, mxnet`
For two.

And more.
:end_tab:

```{.python .input  n=3}
#@tab all
f(1)
f(2)
```

The end.
"""


def choosing(choice):
    return lambda question: choice


def compiled(text, tab="pytorch"):
    chapter = parse_chapter(text, "page", "page.md", TABS)
    notebook = make_notebook(select_tab(chapter, tab), tab)
    note_base(notebook)
    return chapter, notebook


def synced(text, edit, tab="pytorch", choice=None):
    """The text after `edit` was made in the notebook; labels are not resolved here."""
    chapter, notebook = compiled(text, tab)
    edited = copy.deepcopy(notebook)
    edit(edited.cells)
    return sync_text(text, chapter, TABS, notebook, edited, choosing(choice))


def replacing(at, old, new):
    def edit(cells):
        assert old in cells[at].source
        cells[at].source = cells[at].source.replace(old, new)

    return edit


def code(source):
    return nbformat.v4.new_code_cell(source)


def prose(source):
    return nbformat.v4.new_markdown_cell(source)


def test_a_marked_line_keeps_its_marks():
    assert synced(CHAPTER, replacing(1, "n = 20", "n = 30")) == CHAPTER.replace("= 20", "= 30")
    assert synced(CHAPTER, replacing(1, "f(x)", "f(x, y=0)")) == CHAPTER.replace(
        "def f(x):  #@save", "def f(x, y=0):  #@save"
    )


def test_a_cell_with_an_id_of_the_authors_keeps_it():
    named = CHAPTER.replace("input}\n#@tab pytorch", "input #the-f}\n#@tab pytorch")
    assert synced(named, replacing(1, "n = 20", "n = 30")) == named.replace("= 20", "= 30")


def test_new_lines_of_code_stand_where_they_were_written():
    assert synced(CHAPTER, replacing(1, "\nn = ", "\n    # done\nm = 1\nn = ")) == CHAPTER.replace(
        "    return x\nn", "    return x\n    # done\nm = 1\nn"
    )
    first = synced(CHAPTER, replacing(1, "def f", "import os\ndef f"))
    assert first == CHAPTER.replace("#@save\ndef f", "import os\n#@save\ndef f", 1)


def test_deleted_lines_take_their_marks_along():
    assert synced(CHAPTER, replacing(1, "\nn = 20", "")) == CHAPTER.replace(
        "n = 20  #@quick 1\n", ""
    )


def test_lines_that_cannot_be_told_apart_are_refused():
    with pytest.raises(BookError, match=r"page.md:12: cannot tell which of the new lines"):
        synced(CHAPTER, replacing(1, "n = 20", "alpha = 3\nbeta = 4"))


def test_a_shared_cell_is_changed_for_all_or_split():
    edit = replacing(2, "f(2)", "f(3)")
    with pytest.raises(BookError, match=r"page.md:29: changed in .* --shared=all"):
        synced(CHAPTER, edit)
    assert synced(CHAPTER, edit, choice="all") == CHAPTER.replace("f(2)", "f(3)")
    assert synced(CHAPTER, edit, choice="split") == CHAPTER.replace(
        "#@tab all\nf(1)\nf(2)\n```\n",
        "#@tab tensorflow, mxnet\nf(1)\nf(2)\n```\n\n"
        "```{.python .input  n=3}\n#@tab pytorch\nf(1)\nf(3)\n```\n",
    )


def test_shared_prose_is_split_by_paragraphs():
    edit = replacing(0, "Two", "Three")
    assert synced(CHAPTER, edit, choice="split") == CHAPTER.replace(
        "Two words.\nThe second line stays.\n",
        ":begin_tab:`tensorflow, mxnet`\nTwo words.\nThe second line stays.\n:end_tab:\n\n"
        ":begin_tab:`pytorch`\nThree words.\nThe second line stays.\n:end_tab:\n",
    )
    edit = replacing(2, "more", "less")
    assert synced(CHAPTER, edit, tab="mxnet", choice="split") == CHAPTER.replace(
        "\nAnd more.\n:end_tab:\n",
        ":end_tab:\n\n:begin_tab:`tensorflow`\nAnd more.\n:end_tab:\n\n"
        ":begin_tab:`mxnet`\nAnd less.\n:end_tab:\n",
    )


def test_a_tab_without_a_notebook_of_the_section_is_not_named():
    text = CHAPTER.replace("`tensorflow, mxnet`", "`mxnet`").replace("#@tab all", "#@tab pytorch")
    assert parse_chapter(text, "page", "page.md", TABS).tabs == ("pytorch", "mxnet")
    new = synced(text, replacing(3, "end", "start"), choice="split")
    assert new == text.replace(
        "The end.\n",
        ":begin_tab:`mxnet`\nThe end.\n:end_tab:\n\n:begin_tab:`pytorch`\nThe start.\n:end_tab:\n",
    )
    text = "# Title\n\n```{.python .input}\n#@tab mxnet\n1\n```\n"
    assert synced(text, replacing(0, "Title", "A"), tab="mxnet") == text.replace("Title", "A")
    new = synced(text, lambda cells: cells.append(code("2")), tab="mxnet")
    assert new == text + "\n```{.python .input}\n#@tab mxnet\n2\n```\n"


def test_white_space_behind_a_paragraph_does_not_matter():
    text = CHAPTER.replace("stays.", "stays. \n\nMore.")
    _, notebook = compiled(text)
    new = of_tab(synced(text, replacing(0, "Two", "Three"), choice="split"), "pytorch")
    assert new[0][1] == texts(notebook)[0][1].replace("Two", "Three")


def test_cells_are_added():
    new = synced(CHAPTER, lambda cells: cells.insert(2, code("g = f\n```")))
    assert new == CHAPTER.replace(
        "#@quick 1\n```\n",
        "#@quick 1\n```\n\n````{.python .input}\n#@tab pytorch\ng = f\n```\n````\n",
    )
    new = synced(CHAPTER, lambda cells: cells.insert(2, prose("New.")), choice="split")
    assert new == CHAPTER.replace(
        "#@quick 1\n```\n", "#@quick 1\n```\n\n:begin_tab:`pytorch`\nNew.\n:end_tab:\n"
    )
    new = synced(CHAPTER, lambda cells: cells.insert(2, prose("New.")), choice="all")
    assert new == CHAPTER.replace(":end_tab:\n", ":end_tab:\n\nNew.\n")
    new = synced(CHAPTER, lambda cells: cells.append(code("last")))
    assert new == CHAPTER + "\n```{.python .input}\n#@tab pytorch\nlast\n```\n"


def test_text_for_all_stands_where_other_text_was_deleted():
    text = "# A\n\n```{.python .input}\n#@tab pytorch\n1\n```\n"

    def change(cells):
        cells[0] = prose("# B")

    assert synced(text, change) == text.replace("A", "B")


def test_cells_are_deleted():
    new = synced(CHAPTER, lambda cells: cells.pop(1))
    start, end = CHAPTER.index("```{.python"), CHAPTER.index("```{.python .input}\n#@tab mxnet")
    assert new == CHAPTER[:start] + CHAPTER[end:]
    new = synced(CHAPTER, lambda cells: cells.pop(2), choice="split")
    assert new == CHAPTER.replace("#@tab all", "#@tab tensorflow, mxnet")


def test_a_cell_stands_where_another_was_deleted():
    def change(cells):
        cells[2].source = ""
        cells.insert(3, code("new = 1"))

    start, end = CHAPTER.index("```{.python .input  n"), CHAPTER.index("The end.")
    new = "```{.python .input}\n#@tab pytorch\nnew = 1\n```\n\n"
    assert synced(CHAPTER, change, choice="all") == CHAPTER[:start] + new + CHAPTER[end:]


def test_a_moved_cell_is_refused():
    with pytest.raises(BookError, match="was moved"):
        synced(CHAPTER, lambda cells: cells.insert(0, cells.pop(2)))


def test_a_raw_cell_and_an_attachment_are_refused():
    with pytest.raises(BookError, match="a raw cell has no form"):
        synced(CHAPTER, lambda cells: cells.append(nbformat.v4.new_raw_cell("x")))

    def attach(cells):
        cells[0].source += "\n![](attachment:a.png)"
        cells[0]["attachments"] = {"a.png": {"image/png": ""}}

    with pytest.raises(BookError, match=r"page.md:1: a picture that is attached"):
        synced(CHAPTER, attach)


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.rstrip("\n")]
)
def test_line_ends_and_byte_order_mark_stay(change):
    text = change(CHAPTER)
    assert synced(text, lambda cells: None) == text
    new = synced(text, replacing(1, "n = 20", "n = 30\nm = 1"), choice="all")
    expected = change(CHAPTER.replace("n = 20  #@quick 1", "n = 30  #@quick 1\nm = 1"))
    assert new == expected
    new = synced(text, lambda cells: cells.append(code("x")))
    assert new == change(CHAPTER + "\n```{.python .input}\n#@tab pytorch\nx\n```\n")


def test_the_markdown_changed_since_the_notebook_was_compiled():
    _, notebook = compiled(CHAPTER)
    newer = CHAPTER.replace("Two words", "Four words").replace(
        "The end.", "```{.python .input}\n1\n```\n\nThe end."
    )
    again, now = compiled(newer)
    edited = copy.deepcopy(notebook)
    edited.cells[3].source = "The very end."  # its id is another cell's by now
    new = sync_text(newer, again, TABS, now, edited, choosing("all"))
    assert new == newer.replace("The end.", "The very end.")
    edited.cells[0].source = edited.cells[0].source.replace("Two", "Five")
    with pytest.raises(BookError, match=r"page.md:1: .* since the notebook was compiled"):
        sync_text(newer, again, TABS, now, edited, choosing("all"))


# Random edits. Sections are made of these cells; every source is Python or plain prose.
PROSE = ("A line.\nAnother.\n\n# A heading\n:label:`sec_a`\n\n- item\n- item", "Only this.")
CODE = ("#@save\ndef f():\n    return 1", "n = 20  #@quick 1\nm = 2", "a\n\nb\nc")
SEEN = ((), ("pytorch",), ("mxnet",), ("tensorflow", "mxnet"), ("pytorch", "mxnet"))
MARKED = re.compile(r"^#@save\n(def f\(\):)$|^(n = 20)  #@quick 1$", re.M)
REFUSED = (
    "cannot tell which of the new lines",
    "the mark in '",
    "was moved, and a notebook does",
    "' would lose ",
    "' would get ",
    "in a cell that is not Python",
)
NEW_LINE = st.sampled_from(["new = 1", "other()", "# words ß 😀", "x = 'y'", "a", "Another."])


@st.composite
def sections(draw):
    parts = ["# Title"]
    for _ in range(draw(st.integers(1, 7))):
        tabs = draw(st.sampled_from(SEEN))
        if draw(st.booleans()):
            mark = ", ".join(tabs) or "all"
            parts.append(f"```{{.python .input}}\n#@tab {mark}\n{draw(st.sampled_from(CODE))}\n```")
        elif tabs:
            names = ", ".join(tabs)
            source = draw(st.sampled_from(PROSE))
            parts.append(f":begin_tab:`{names}`\n{source}\n:end_tab:")
        else:
            parts.append(draw(st.sampled_from(PROSE)))
    gap = draw(st.sampled_from(["\n\n", "\n\n\n"]))
    return gap.join(parts) + draw(st.sampled_from(["\n", ""]))


@st.composite
def edited_cells(draw, cells):
    """The cells, some changed, split or deleted, and new ones."""
    result = []
    for cell in copy.deepcopy(cells):
        what = draw(st.sampled_from(["keep", "keep", "edit", "move", "split", "delete", "add"]))
        if what == "add":
            make = draw(st.sampled_from([code, prose]))
            result.append(make(draw(NEW_LINE)))
        if what == "edit":
            lines = cell.source.split("\n")
            for _ in range(draw(st.integers(1, 3))):
                at = draw(st.integers(0, len(lines)))
                lines[at : at + draw(st.integers(0, 1))] = draw(st.lists(NEW_LINE, max_size=2))
            cell.source = "\n".join(lines)
        if what == "move":
            lines = cell.source.split("\n")
            line = lines.pop(draw(st.integers(0, len(lines) - 1)))
            lines.insert(draw(st.integers(0, len(lines))), line)
            cell.source = "\n".join(lines)
        if what != "delete":
            result.append(cell)
        if what == "split":
            lines = cell.source.split("\n")
            at = draw(st.integers(0, len(lines)))
            cell.source = "\n".join(lines[:at])
            make = code if cell.cell_type == "code" else prose
            result.append(make("\n".join(lines[at:])))
    return result


def texts(notebook):
    return None if notebook is None else joined(notebook.cells)


def of_tab(text, tab):
    selected = select_tab(parse_chapter(text, "page", "page.md", TABS), tab)
    return texts(selected and make_notebook(selected, tab))


def all_lines(notebook):
    return {line for cell in notebook.cells for line in cell.source.split("\n")}


def marked_lines(text, tab):
    """The lines of code that have the marks which `CODE` gives them."""
    cells = select_tab(parse_chapter(text, "page", "page.md", TABS), tab).cells
    found = {match for cell in cells for match in MARKED.findall(cell.source)}
    return {one or other for one, other in found}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_edits_come_back_for_one_tab_alone(data):
    text = data.draw(sections())
    tab = data.draw(st.sampled_from(TABS))
    chapter = parse_chapter(text, "page", "page.md", TABS)
    if select_tab(chapter, tab) is None or all(cell.kind == "markdown" for cell in chapter.cells):
        return  # the first code for one tab would take the section from the others
    chapter, notebook = compiled(text, tab)
    assert sync_text(text, chapter, TABS, notebook, notebook, choosing(None)) == text
    edited = copy.deepcopy(notebook)
    edited.cells = data.draw(edited_cells(notebook.cells))
    try:
        new = sync_text(text, chapter, TABS, notebook, edited, choosing("split"))
    except BookError as error:
        assert all(any(one in p.message for one in REFUSED) for p in error.problems), error
        return
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in edited.cells):
        return  # a section that lost its code is no section of this tab any more
    if parse_chapter(new, "page", "page.md", TABS).tabs != chapter.tabs:
        # The first code of one tab's own, and the last cell, change who has the section: `bookc
        # sync` tells.
        kept = {cell.id for cell in edited.cells if cell.source.strip()}
        assert chapter.tabs is None or {cell.id for cell in notebook.cells} - kept
        return
    assert of_tab(new, tab) == texts(edited)
    assert marked_lines(new, tab) == all_lines(edited) & {"n = 20", "def f():"}
    for other in TABS:
        if other != tab:
            assert of_tab(new, other) == of_tab(text, other)


# The whole command, on a book with references.


@pytest.fixture
def edit(tiny, capsys):
    """Compile the tiny book, edit a notebook of it, and sync; gives status, output and errors."""

    def run(tab, change, *options):
        assert main(["build", "notebooks", "--book", str(tiny)]) == 0
        file = tiny / "_build" / "notebooks" / tab / "part" / "cells.ipynb"
        notebook = json.loads(file.read_text())
        change(notebook["cells"])
        file.write_text(json.dumps(notebook))
        capsys.readouterr()
        status = main(["sync", "--book", str(tiny), str(file), *options])
        return status, *capsys.readouterr()

    return run


def find(cells, text):
    return next(cell for cell in cells if text in "".join(cell["source"]))


def change_to(old, new):
    def change(cells):
        cell = find(cells, old)
        cell["source"] = "".join(cell["source"]).replace(old, new)

    return change


def test_text_beside_references_is_edited(tiny, edit):
    file = tiny / "part" / "cells.md"
    before = file.read_text()
    status, shown, _ = edit("mxnet", change_to("and one in the", "and one in a"), "--shared=all")
    assert status == 0 and "1 lines added, 1 deleted" in shown
    assert file.read_text() == before.replace("and one in the\n", "and one in a\n")
    status, shown, _ = edit("mxnet", lambda cells: None)
    assert status == 0 and shown == "part/cells.md is as the notebook has it\n"


def test_a_reference_that_the_compiler_wrote_is_refused(tiny, edit, files_below):
    before = files_below(tiny / "part")
    status, _, errors = edit("mxnet", change_to("See Fig. ", "See Fig. 9"), "--shared=all")
    assert status == 1
    assert "is not in the source, which has 'See :numref:`fig_dot`" in errors
    assert files_below(tiny / "part") == before


def test_a_reference_that_the_author_wrote(tiny, edit):
    file = tiny / "part" / "cells.md"
    before = file.read_text()
    status, _, errors = edit(
        "mxnet", change_to("A Run", "A Run\n\nAs in :numref:`fig_dot`."), "--shared=all"
    )
    assert (status, errors) == (0, "")
    assert file.read_text() == before.replace("A Run\n", "A Run\n\nAs in :numref:`fig_dot`.\n")


def test_a_diff_writes_nothing(tiny, edit, files_below):
    before = files_below(tiny / "part")
    status, shown, _ = edit("pytorch", change_to("import math", "import cmath"), "--diff")
    assert status == 0
    assert "\n-import math\n+import cmath\n" in shown
    assert files_below(tiny / "part") == before


def test_outputs_stay_in_the_notebook_and_it_can_be_synced_again(tiny, edit):
    def change(cells):
        find(cells, "order = [")["source"] = "order = []"
        for one in cells:
            if one["cell_type"] == "code":
                one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
        cells.insert(1, {"cell_type": "code", "id": "new", "metadata": {}, "source": "1 + 1",
                         "execution_count": None, "outputs": []})  # fmt: skip

    status, _, errors = edit("tensorflow", change)
    assert (status, errors) == (0, "")
    file = tiny / "_build" / "notebooks" / "tensorflow" / "part" / "cells.ipynb"
    notebook = nbformat.read(file, as_version=4)
    assert notebook.cells[1].source == "1 + 1" and notebook.cells[1].id != "new"
    assert sum(bool(cell.get("outputs")) for cell in notebook.cells) >= 3
    assert main(["sync", "--book", str(tiny), str(file)]) == 0


def test_what_would_break_the_book_is_refused(tiny, edit, files_below):
    before = files_below(tiny / "part")
    change = change_to("# Cells and Tabs", "# Cells\n\nSee :numref:`nowhere`.")
    status, _, errors = edit("mxnet", change, "--shared=all")
    assert status == 1 and "with the edit, the book has an error: no label 'nowhere'" in errors
    status, _, errors = edit("mxnet", change_to("shape(2)", "shape(2)\n```"), "--shared=all")
    assert status == 1
    assert files_below(tiny / "part") == before


def test_an_error_of_the_edit_is_told_without_the_warnings_of_the_book(tiny, edit):
    other, config = tiny / "part" / "one_tab.md", tiny / "config.ini"
    other.write_text(other.read_text() + "\n```{.python .input}\n#@tab jax\n1\n```\n")
    config.write_text(config.read_text().replace("warning_is_error = true\n", ""))
    bad = change_to("# Cells and Tabs", "# Cells\n\nSee :numref:`nowhere`.")
    status, _, errors = edit("mxnet", bad, "--shared=all")
    assert status == 1 and errors.endswith("\n1 error\n"), errors


@pytest.mark.parametrize("options", [(), ("--diff",)])
@pytest.mark.parametrize("change", [lambda cells: None, change_to("shape(2)", "shape(3)")])
def test_the_warnings_of_the_book_are_told(tiny, edit, options, change):
    other, config = tiny / "part" / "one_tab.md", tiny / "config.ini"
    other.write_text(other.read_text() + "\n```{.python .input}\n#@tab jax\n1\n```\n")
    config.write_text(config.read_text().replace("warning_is_error = true\n", ""))
    status, _, errors = edit("mxnet", change, "--shared=all", *options)
    assert status == 0 and "part/one_tab.md:" in errors and errors.endswith("1 warning\n"), errors


def test_a_section_whose_only_cell_is_deleted(make_book, capsys):
    root = make_book({"index.md": "# A\n\n```toc\none\n```\n", "one.md": "# One\n"})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    file = root / "_build" / "notebooks" / "mxnet" / "one.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells.clear()
    nbformat.write(notebook, file)
    assert main(["sync", "--book", str(root), "--shared=all", str(file)]) == 0
    assert (root / "one.md").read_text() == ""
    assert main(["lint", "--book", str(root)]) == 0


def test_imports_that_the_compiler_puts_in_order_are_told_as_code(make_book, capsys):
    config = "[build]\nnotebooks = *.md\ntabs = pytorch\n\n[library-pytorch]\nlib_name = torch\n"
    text = "# A\n\n```{.python .input}\nimport sys\nimport os\nimport abc\n```\n"
    root = make_book({"config.ini": config, "index.md": text})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    file = root / "_build" / "notebooks" / "pytorch" / "index.ipynb"
    assert "abc\\n" in file.read_text()
    file.write_text(file.read_text().replace("import abc", "x = 1"))
    assert main(["sync", "--book", str(root), str(file)]) == 1
    assert "branches of tabs and puts imports in order" in capsys.readouterr().err


def test_both_were_edited_in_different_cells(tiny, capsys):
    assert main(["build", "notebooks", "--book", str(tiny)]) == 0
    source = tiny / "part" / "cells.md"
    newer = source.read_text().replace("## A Run", "## A Long Run")
    source.write_text(newer)
    file = tiny / "_build" / "notebooks" / "mxnet" / "part" / "cells.ipynb"
    file.write_text(file.read_text().replace("1000", "2000"))
    assert main(["sync", "--book", str(tiny), str(file), "--shared=all"]) == 0
    assert capsys.readouterr().err == ""
    assert source.read_text() == newer.replace("1000  #@quick", "2000  #@quick")
    assert "A Long Run" in file.read_text()


def test_what_the_compiler_made_of_a_toc_is_refused(tiny, capsys):
    assert main(["build", "notebooks", "--book", str(tiny)]) == 0
    file = tiny / "_build" / "notebooks" / "mxnet" / "part" / "index.ipynb"
    file.write_text(file.read_text().replace("[Cells and Tabs]", "[Cells]"))
    assert main(["sync", "--book", str(tiny), str(file), "--shared=all"]) == 1
    assert "cannot be brought back at '- [Cells](cells.ipynb)'" in capsys.readouterr().err


def test_a_cell_in_another_language_may_go_but_not_change(make_book, capsys):
    text = "# Book\n\n```{.bash .input}\n#@tab all\nls\npwd\n```\n\nWords.\n"
    root = make_book({"index.md": text})
    source, file = root / "index.md", root / "_build" / "notebooks" / "mxnet" / "index.ipynb"
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    compiled = file.read_text()
    file.write_text(compiled.replace('"ls\\n"', '"ls -l\\n"'))
    assert main(["sync", "--book", str(root), str(file), "--shared=all"]) == 1
    message = "index.md:5: a cell in another language: edit it in the Markdown file\n"
    assert capsys.readouterr().err == f"{message}1 error\n"
    notebook = nbformat.reads(compiled, 4)
    del notebook.cells[1]
    file.write_text(nbformat.writes(notebook))
    assert main(["sync", "--book", str(root), str(file), "--shared=all"]) == 0
    assert source.read_text() == "# Book\n\nWords.\n"


def test_a_notebook_that_bookc_did_not_write(tiny, tmp_path, capsys):
    file = tmp_path / "some.ipynb"
    file.write_text(nbformat.writes(nbformat.v4.new_notebook()))
    assert main(["sync", "--book", str(tiny), str(file)]) == 1
    assert "was not compiled from a chapter of this book" in capsys.readouterr().err
    record = tiny / "notebooks" / "mxnet" / "part" / "cells.ipynb"
    assert main(["sync", "--book", str(tiny), str(record)]) == 1
    assert "does not say what it was compiled from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text,change,message",
    [
        (
            "# A\n\nWords.\n",
            lambda cells: cells.append(code("1")),
            "index.md: code for mxnet alone would leave pytorch without a notebook",
        ),
        (
            "# A\n\n```{.python .input}\n#@tab mxnet\n1\n```\n\n"
            "```{.python .input}\n#@tab all\n2\n```\n",
            lambda cells: cells.pop(1),
            "index.md: without this code, no tab has code of its own, and jax would get a notebook",
        ),
    ],
)
def test_the_first_and_the_last_code_of_one_tab_alone(make_book, capsys, text, change, message):
    config = "[build]\nnotebooks = *.md\ntabs = pytorch, mxnet, jax\n"
    root = make_book({"config.ini": config, "index.md": text})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    file = root / "_build" / "notebooks" / "mxnet" / "index.ipynb"
    notebook = nbformat.read(file, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, file)
    assert main(["sync", "--book", str(root), str(file)]) == 1
    assert message in capsys.readouterr().err


def test_prose_does_not_go_behind_code_without_its_slides(page):
    text = OWN.replace("# A\n", "# A\n\n[**One slide.**]\n\n[**Two slides.**]\n")

    def move(cells):
        cells[0].source = "# A\n\nOne slide."
        cells.append(prose("Two slides."))

    after, errors = page(text, move)
    assert after == text and "index.md:5: '[**Two slides.**]' was moved" in errors


@pytest.mark.parametrize(
    "change",
    [lambda cells: cells.pop(), lambda cells: cells.append(prose("New."))],
)
def test_a_cell_of_nothing_but_marks_stays(page, change):
    text = OWN + "\n:bibliography:`refs.bib`\n"
    edit = replacing(1, "n = 2", "n = 3")
    after, errors = page(text, lambda cells: (edit(cells), change(cells)))
    assert errors == "" and "n = 3" in after and ":bibliography:`refs.bib`" in after


@pytest.mark.parametrize(
    "damage",
    [
        lambda notebook: notebook["metadata"].update(bookc=[1]),
        lambda notebook: notebook["metadata"]["bookc"].update(source=5),
        lambda notebook: notebook["metadata"]["bookc"].update(base=5),
        lambda notebook: notebook["metadata"]["bookc"].update(base=[1, 2]),
        lambda notebook: notebook["metadata"]["bookc"].update(base=["ab", "cd"]),
        lambda notebook: notebook["metadata"]["bookc"].update(base=[["a", 1], ["b", 2]]),
        lambda notebook: notebook["cells"][0].update(source=5),
    ],
)
def test_a_notebook_whose_notes_are_none_of_bookc(tiny, capsys, damage):
    file = damaged(tiny, damage)
    assert main(["sync", "--book", str(tiny), str(file)]) == 1
    told = capsys.readouterr().err
    assert str(file) in told and "1 error" in told
    reasons = "was not compiled from a chapter", "is not what bookc writes", "its source is"
    assert any(reason in told for reason in reasons)


@pytest.mark.parametrize("options", [(), ("--diff",)])
@pytest.mark.parametrize("place", ["source", "metadata"])
def test_half_a_character_is_refused(tiny, capsys, files_below, options, place):
    before = files_below(tiny / "part")
    half = {"source": "\ud83d", "metadata": {"a": "\ud83d"}}[place]
    file = damaged(tiny, lambda notebook: notebook["cells"][1].update({place: half}))
    assert main(["sync", "--book", str(tiny), str(file), *options]) == 1
    assert "holds half of a character (\\ud83d)" in capsys.readouterr().err
    assert files_below(tiny / "part") == before


def damaged(root, damage):
    """A notebook's file, after something has been done to its JSON."""
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    file = root / "_build" / "notebooks" / "mxnet" / "part" / "cells.ipynb"
    notebook = json.loads(file.read_text())
    damage(notebook)
    file.write_text(json.dumps(notebook))
    return file


def test_a_chapter_that_is_a_link_stays_one(tiny):
    link, file = tiny / "part" / "cells.md", tiny / "cells.txt"
    file.write_text(link.read_text())
    link.unlink()
    link.symlink_to("../cells.txt")
    notebook = damaged(tiny, lambda notebook: notebook["cells"].pop())
    assert main(["sync", "--book", str(tiny), "--shared=all", str(notebook)]) == 0
    assert link.is_symlink() and link.read_text() == file.read_text()
    text = file.read_text()
    assert main(["activate", "--book", str(tiny), "mxnet", str(link)]) == 0
    assert link.is_symlink() and file.read_text() != text


@pytest.fixture
def page(make_book, capsys):
    """Edit the notebook of a page and sync; gives the page as it is then, and the errors."""

    def run(text, change):
        config = "[build]\nnotebooks = *.md\ntabs = pytorch, mxnet\n\n[library-pytorch]\n"
        config += "lib_name = torch\nsimple_alias = ones\n"
        root = make_book({"config.ini": config, "index.md": text})
        assert main(["build", "notebooks", "--book", str(root)]) == 0
        file = root / "_build" / "notebooks" / "pytorch" / "index.ipynb"
        notebook = nbformat.read(file, as_version=4)
        change(notebook.cells)
        nbformat.write(notebook, file)
        main(["sync", "--book", str(root), "--shared=all", str(file)])
        return (root / "index.md").read_text(), capsys.readouterr().err

    return run


OWN = "# A\n\n```{.python .input}\n#@tab pytorch\nx = d2l.ones(3)\nn = 2  #@quick 1\n```\n"


@pytest.mark.parametrize(
    "source",
    ["import math\nprint(math.pi)", "import sys\nimport os\nx = 1", "a = 1\n\n\nimport b\n\n\n\nc"],
)
def test_imports_may_be_written_in_any_order_and_layout(page, source):
    new = f"\n```{{.python .input}}\n#@tab pytorch\n{source}\n```\n"
    assert page(OWN, lambda cells: cells.append(code(source))) == (OWN + new, "")
    text, errors = page(OWN, lambda cells: cells[1].update(source=f"{source}\n{cells[1].source}"))
    assert (text, errors) == (OWN.replace("x = d2l", f"{source}\nx = d2l"), "")


def test_blanks_at_the_end_of_a_line_of_code_do_not_matter(page):
    text, errors = page(OWN, replacing(1, "n = 2", "n = 3  "))
    assert (text, errors) == (OWN.replace("n = 2  #", "n = 3    #"), "")
    text, errors = page(OWN, replacing(1, "x = torch.ones(3)", "x = torch.ones(4)  "))
    assert (text, errors) == (OWN.replace("ones(3)", "ones(4)  "), "")


def test_what_only_slides_show_is_not_lost(page):
    text = "# A\n\nSee [~~on a slide~~] here.\n"
    assert page(text, replacing(0, "here", "there")) == (text.replace("here", "there"), "")
    after, errors = page(text, replacing(0, "See  here", "Look there"))
    assert after == text and "index.md:3: 'See  here' is not in the source, which has" in errors


TABLE = "# A\n:label:`sec_a`\n\n: Sizes.\n\n| a |\n|---|\n| b |\n| c |\n:label:`tab_a`\n\nWords.\n"


@pytest.mark.parametrize(
    "old,new,source,changed",
    [
        ("| c |", "| c |\n| d |", "| c |", "| c |\n| d |"),
        ("\n| c |", "", "\n| c |", ""),
        ("| c |\n", "| c |\n\nMore.\n", "Words", "More.\n\nWords"),
        ("# A\n", "# A\n| d |\n", "sec_a`\n", "sec_a`\n| d |\n"),
    ],
)
def test_the_label_of_a_table_stays_below_its_last_row(page, old, new, source, changed):
    assert page(TABLE, replacing(0, old, new)) == (TABLE.replace(source, changed), "")


@pytest.mark.parametrize("mark", ["#@tab mxnet", "#@tab all", "%%tab mxnet"])
@pytest.mark.parametrize(
    "change",
    [
        lambda cells, mark: cells.append(code(f"{mark}\ny = 1")),
        lambda cells, mark: cells[1].update(source=f"{mark}\n{cells[1].source}"),
    ],
)
def test_a_notebook_says_nothing_of_other_tabs(page, mark, change):
    text, errors = page(OWN, lambda cells: change(cells, mark))
    assert text == OWN and "a notebook's code is of its own tab" in errors


def test_what_reads_like_a_mark_of_a_tab_may_be_written(page):
    text, errors = page(OWN, replacing(1, "n = 2", "s = '''\n#@tab mxnet\n'''\nn = 2"))
    assert "#@tab mxnet\n'''" in text and errors == ""


REFERRING = """\
# A

$$x$$
:eqlabel:`eq_x`

## One
:label:`sec_one`

As you see in :numref:`sec_one`
and :eqref:`eq_x`, it
is so.
"""


@pytest.mark.parametrize(
    "old,new,lost",
    [
        ("in One\nand", "in\nOne and", ":numref:`sec_one`"),
        ("and (1), it\nis so", "and it\nis so by (1)", ":eqref:`eq_x`"),
    ],
)
def test_a_reference_does_not_become_plain_text(page, old, new, lost):
    text, errors = page(REFERRING, replacing(0, old, new))
    assert text == REFERRING
    assert f"'{lost}' was moved, which would make plain text of it" in errors


@pytest.mark.parametrize(
    "old,new",
    [
        ("and (1), it", "and\n(1), it"),
        ("As you see in One\n", ""),
        ("in One\n", "in Two\n"),
    ],
)
def test_a_reference_goes_with_its_line_or_gives_way_to_words(page, old, new):
    text, errors = page(REFERRING, replacing(0, old, new))
    written = [words.replace("One", ":numref:`sec_one`") for words in (old, new)]
    old, new = (words.replace("(1)", ":eqref:`eq_x`") for words in written)
    assert (text, errors) == (REFERRING.replace(old, new), "")


def test_a_caption_does_not_become_plain_text(page):
    text = "# A\n\nWords.\n\n: Sizes.\n\n| a |\n|---|\n| b |\n:label:`tab_a`\n"

    def move(cells):
        head, table = cells[0].source.split("**Table 1.** Sizes.\n\n")
        cells[0].source = f"{head}{table}"
        cells[0].source = cells[0].source.replace("Words.", "Words.\n**Table 1.** Sizes.\nMore.")

    after, errors = page(text, move)
    assert after == text and errors


def split_reference(cells):
    head, tail = cells[0].source.split("and (1)")
    cells[0].source = head
    cells.append(prose(f"and (1){tail}"))


def test_prose_that_was_split_is_one_text(page):
    expected = REFERRING.replace("one`\nand", "one`\n\nand")
    assert page(REFERRING, split_reference) == (expected, "")


def test_words_of_a_reference_do_not_go_behind_code_without_it(page):
    text = f"{REFERRING}\n```{{.python .input}}\n#@tab pytorch\n1\n```\n"
    after, errors = page(text, split_reference)
    assert (after, ":eqref:`eq_x`" in errors) == (text, True)
