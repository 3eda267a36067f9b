"""Chapter -> notebook: valid, with stable ids, and every line traceable to its Markdown."""

from pathlib import Path

import jupytext
import nbformat
import pytest

from bookc.notebook.compile import write_notebooks
from bookc.notebook.file import notebook_text
from bookc.notebook.notebook import make_notebook, source_line
from bookc.notebook.tabs import select_tab
from bookc.read.cells import parse_chapter
from bookc.run.build import make_build

TABS = ("pytorch", "tensorflow", "mxnet")
SECTION = """\
# Section

```{.python .input}
#@tab pytorch
#@tags slow nbval-ignore-output
import torch

#@save
def f():
    return 1
n = 20  #@quick 2
```

```{.python .input}
#@tab all
#@save
```

More.

```{.python .input}
#@tab all
f()
```
"""


def compiled(text: str, tab: str = "pytorch", quick: bool = False):
    chapter = parse_chapter(text, "part/section", "part/section.md", TABS)
    return make_notebook(select_tab(chapter, tab), tab, quick=quick)


@pytest.fixture(scope="module")
def notebooks():
    """Every notebook of the tiny book."""
    return make_build(Path(__file__).parents[1] / "books" / "tiny").notebooks


def test_which_notebooks_there_are(notebooks):
    with_all_tabs = ["index", "preface", "part/index", "part/cells"]
    assert set(notebooks) == {(tab, path) for tab in TABS for path in with_all_tabs} | {
        ("mxnet", "part/one_tab")
    }


def test_every_notebook_is_valid_and_reads_back_the_same(notebooks):
    for notebook in notebooks.values():
        nbformat.validate(notebook, version=4, version_minor=5)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        text = notebook_text(notebook)  # warnings are errors: nbformat warns of missing ids
        assert nbformat.reads(text, as_version=4) == notebook


def test_metadata(notebooks):
    metadata = notebooks["mxnet", "part/cells"].metadata
    assert metadata.kernelspec == {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    assert metadata.language_info.name == "python"
    assert metadata.language_info.file_extension == ".py"
    assert metadata.bookc == {"source": "part/cells.md", "tab": "mxnet"}


def test_ids_are_unique_and_the_same_in_every_tab(notebooks):
    ids = {}
    for (_, path), notebook in notebooks.items():
        own = [cell.id for cell in notebook.cells]
        assert len(set(own)) == len(own)
        ids.setdefault(path, set()).update(own)
    assert sum(map(len, ids.values())) == len(set().union(*ids.values()))
    shared = [
        [cell.id for cell in notebooks[tab, "part/cells"].cells if cell.source == "order"]
        for tab in TABS
    ]
    assert shared[0] == shared[1] == shared[2]


def test_new_prose_renames_no_code_cell():
    before = compiled(SECTION)
    after = compiled(
        SECTION.replace("# Section\n", "# Section\n\n:begin_tab:`mxnet`\nx\n:end_tab:\n")
    )
    after2 = compiled("New.\n\n```bash\nls\n```\n\n" + SECTION.replace("More.", "Much\n\nmore."))
    for other in (after, after2):
        assert code_ids(other) == code_ids(before)


def code_ids(notebook) -> list[str]:
    return [cell.id for cell in notebook.cells if cell.cell_type == "code"]


def test_source_and_line():
    cells = compiled(SECTION).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "markdown", "code"]
    assert all(cell.metadata.bookc.source == "part/section.md" for cell in cells)
    assert [cell.metadata.bookc.line for cell in cells] == [1, 6, 19, 23]


def test_each_line_of_a_cell_is_found_in_the_markdown():
    lines = SECTION.split("\n")
    for quick in (False, True):
        for cell in compiled(SECTION, quick=quick).cells:
            if cell.cell_type == "code":
                for at, line in enumerate(cell.source.split("\n"), start=1):
                    original = lines[source_line(cell, at) - 1]
                    assert original.startswith(line) or (quick and line == "n = 2")


def test_a_gap_that_a_mark_left():
    cell = compiled(SECTION).cells[1]
    assert cell.source == "import torch\n\ndef f():\n    return 1\nn = 20"
    assert [source_line(cell, at) for at in range(1, 6)] == [6, 7, 9, 10, 11]
    assert source_line(cell, 99) == 11  # beyond the end: its last line


def test_tags_and_quick():
    full, quick = compiled(SECTION), compiled(SECTION, quick=True)
    assert full.cells[1].metadata.tags == ["slow", "nbval-ignore-output"]
    assert "tags" not in full.cells[3].metadata
    assert quick.cells[1].source == full.cells[1].source.replace("n = 20", "n = 2")
    assert [cell.metadata for cell in quick.cells] == [cell.metadata for cell in full.cells]


def test_no_marks_are_left(notebooks):
    for notebook in notebooks.values():
        for cell in notebook.cells:
            assert "#@" not in cell.source
            if cell.cell_type == "markdown":
                assert ":label:" not in cell.source
                assert "begin_tab" not in cell.source


def test_references_read_as_text(notebooks):
    prose = "\n".join(cell.source for cell in notebooks["pytorch", "part/cells"].cells)
    assert "a citation ([Pearson, 1901](https://doi.org/10.1080/14786440109462720))" in prose
    assert "`:numref:` in code stays as it is." in prose
    assert "See Fig. 1.1.1, Table 1.1.1, (1.1.1) and [Preface](../preface.ipynb)." in prose
    assert r"\tag{1.1.1}$$" in prose
    index = notebooks["pytorch", "index"].cells[0].source
    assert "- [Preface](preface.ipynb)" in index
    assert "- [A Part](part/index.ipynb)" in index


def test_scripts_by_jupytext(tiny, tmp_path):
    build = make_build(tiny, tabs=["pytorch"])
    write_notebooks(build, tmp_path / "out", "py:percent")
    text = (tmp_path / "out" / "pytorch" / "part" / "cells.py").read_text()
    assert "# %% [markdown]" in text
    assert "# ## A Shape" in text
    assert "\ndef shape(n):\n" in text
    again = jupytext.reads(text, fmt="py:percent")
    original = build.notebooks["pytorch", "part/cells"]
    assert [cell.source for cell in again.cells] == [cell.source for cell in original.cells]
    compile(text, "cells.py", "exec")


def test_writing_again_changes_nothing(tiny, tmp_path, files_below):
    build = make_build(tiny)
    written = write_notebooks(build, tmp_path / "out")
    assert (written.changed, written.kept) == (len(build.notebooks), ())
    before = files_below(tmp_path / "out")
    assert {tmp_path / "out" / name for name in before} == set(written.files)
    assert "mxnet/part/one_tab.ipynb" in before
    assert "mxnet/img/dot.svg" in before
    assert write_notebooks(build, tmp_path / "out").changed == 0
    assert files_below(tmp_path / "out") == before


def test_pictures_of_all_tabs_are_one_file_that_follows_its_source(tiny, monkeypatch):
    dot, data = tiny / "img" / "dot.svg", tiny / "img" / "data.csv"
    data.write_text("1,2\n")
    build = make_build(tiny, "raw")
    tabs = build.config.tabs
    write_notebooks(build, tiny / "out")

    def files(name):
        return [tiny / "out" / tab / "img" / name for tab in tabs]

    assert len({file.stat().st_ino for file in files("dot.svg")}) == 1
    assert len({file.stat().st_ino for file in files("data.csv")}) == len(tabs)
    dot.write_text("<svg>a dot</svg>")
    write_notebooks(build, tiny / "out")
    assert {file.read_text() for file in files("dot.svg")} == {"<svg>a dot</svg>"}
    # Where files cannot have two places, they are copied.
    monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError))
    write_notebooks(build, tiny / "other")
    copies = [tiny / "other" / tab / "img" / "dot.svg" for tab in tabs]
    assert len({file.stat().st_ino for file in copies}) == len(copies)
