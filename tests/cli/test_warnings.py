"""Faults that d2lbook passes over: the book is compiled, and they are told."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CONFIG, MakeBook

from bookc.__main__ import main

BOOK = {
    "config.ini": CONFIG.replace("warning_is_error = true", "xyz = yes")
    + "[pdf]\nbibfile = refs.bib\n",
    "refs.bib": "@misc{smith2001, author = {Smith, Ann}, title = {A}, year = {2001}}\n",
    "index.md": "# Book\n\n```toc\n:numbered:\nnowhere\npage\n```\n",
    "page.md": (
        "# Page\n"
        ":label:`sec_page`\n"
        "\n"
        ":end_tab:\n"  # line 4
        "\n"
        "## Again\n"  # line 6
        ":label:`sec_page`\n"
        "\n"
        "By :citet:`nobody`, :cite:`smith2001,noone` and :numref:`sec_<b>`.\n"  # line 9
        "\n"
        "![A picture.](img/nowhere.png)\n"  # line 11
        "\n"
        "Words.\n"
        ":label:`sec_words`\n"  # line 14
        "\n"
        "Half is $\\foo$, and $$x = \\bar{$$ is not.\n"  # line 16
        "\n"
        "```{.python .input}\n"
        "#@tab all\n"
        "x = 1\n"
        "```\n"
    ),
}
OF_NOTEBOOKS = """\
config.ini:7: unknown key 'xyz' in [build] (known: source_dir, output_dir, \
index, notebooks, non-notebooks, exclusions, resources, tabs, warning_is_error, rsts, \
dependencies, eval_notebook, html_dir, sphinx_extensions, sphinx_configs, origin_repo)
index.md:5: toc names 'nowhere', but there is no nowhere.md
page.md:4: :end_tab: without a :begin_tab: before it
page.md:6: label 'sec_page' is already defined in page
page.md:9: no reference 'nobody' in the bibliography
page.md:9: no reference 'noone' in the bibliography
page.md:9: no label 'sec_<b>'
page.md:11: no such image: img/nowhere.png
page.md:14: :label: follows no heading, figure, table or equation
"""
OF_PAGES = """\
page.md:16: Unknown command "\\foo" in the formula \\foo
page.md:16: Expected closing token "}", but reached end of input in the formula x = \\bar{
"""


@pytest.fixture
def root(make_book: MakeBook) -> Path:
    return make_book(BOOK)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command; its status and what it says of faults."""

    def command(*arguments: str) -> tuple[int, str]:
        return main([*arguments, "--book", str(root)]), capsys.readouterr().err

    return command


def test_notebooks_keep_what_is_not_resolved(run, root):
    told = OF_NOTEBOOKS + "9 warnings\n"
    assert run("build", "notebooks") == (0, told)
    notebook = json.loads((root / "_build/notebooks/mxnet/page.ipynb").read_text())
    text = "".join(line for cell in notebook["cells"] for line in cell["source"])
    assert "By :citet:`nobody`, :cite:`smith2001,noone` and :numref:`sec_<b>`." in text
    assert "![A picture.](img/nowhere.png)" in text
    assert run("build", "notebooks") == (0, told)  # though there was nothing to do


def test_pages_show_what_there_is_not(run, root):
    told = OF_NOTEBOOKS + OF_PAGES + "11 warnings\n"
    assert run("build", "html") == (0, told)
    assert run("build", "html") == (0, told)
    page = (root / "_build/html/page.html").read_text()
    for name in ("nobody", "noone", "sec_&lt;b&gt;", "img/nowhere.png"):
        assert f'title="There is no such thing in this book">{name}</span>' in page
    assert 'href="#ref-smith2001">Smith, 2001</a>' in page
    assert "Half is <code>\\foo</code>" in page
    assert "sec_words" not in page and ":end_tab:" not in page
    with zipfile.ZipFile(next((root / "_build/html").rglob("*.zip"))) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".png")]


def test_each_is_told_once_by_a_command_that_reads_the_book_twice(run):
    assert run("build") == (0, OF_NOTEBOOKS + OF_PAGES + "11 warnings\n")


def test_lint_passes_none(run):
    status, told = run("lint")
    assert status == 1
    assert told.endswith("11 errors\n")


def test_a_book_may_want_no_warnings(run, root):
    config = root / "config.ini"
    config.write_text(BOOK["config.ini"].replace("xyz = yes", "warning_is_error = True"))
    of_pages = "".join(line for line in (OF_NOTEBOOKS + OF_PAGES).splitlines(True)[1:])
    assert run("build", "html") == (1, of_pages + "10 errors\n")
    assert not (root / "_build").exists()


def test_none_of_a_raw_notebook_is_looked_at_but_its_form(run):
    status, told = run("build", "notebooks", "--raw")
    assert status == 0
    assert told.endswith("3 warnings\n")


def test_a_warning_keeps_no_cell_from_being_activated(make_book, capsys):
    cells = "".join(f"\n```{{.python .input}}\n#@tab {tab}\n1\n```\n" for tab in ("mxnet", "jax"))
    text = f"# Book\n{cells}"
    file = make_book({"index.md": text}) / "index.md"
    assert main(["activate", "pytorch", str(file), "--book", str(file.parent)]) == 0
    assert "```python {.python .input}" in file.read_text()
    assert main(["activate", "all", str(file), "--book", str(file.parent)]) == 0
    assert file.read_text() == text
