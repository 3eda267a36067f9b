"""What fuzzing tries: texts of the syntax's own pieces, through every step that takes text.

`python tests/fuzz.py 20000` tries as many; the tests try a few hundred each time.
"""

from __future__ import annotations

import string
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bookc.book import Book, Build, Reference
from bookc.config import parse_config
from bookc.notebook.file import notebook_text
from bookc.notebook.library import make_library
from bookc.notebook.notebook import make_notebook
from bookc.notebook.prose import readable_prose
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError
from bookc.read import formulas
from bookc.read.cells import read_chapter
from bookc.read.marks import quick_source
from bookc.read.references import resolve
from bookc.read.sources import missing_sections
from bookc.site.render import render_book

CONFIG = "[build]\ntabs = pytorch, mxnet\n[library-mxnet]\nlib_file = lib.py\n"
BIBLIOGRAPHY = {"a": Reference("a", "Ann et al.", "2001", "Ann et al. 2001", "https://a.org")}
LINES = [
    "```{.python .input}", "```{.python .input  n=2}", "````{.python .input #id}", "```", "~~~",
    "```toc", ":numbered:", ":maxdepth: 2", "other", "index", "```bash", "```eval_rst", "#@tab all",
    "#@tab mxnet", "%%tab pytorch,mxnet", "# @tab  MXNet", "#@tab paddle", ":begin_tab:`mxnet`",
    ":begin_tab:`pytorch, mxnet`", ":begin_tab:", ":end_tab:", "# Title", "## [**Slide**] (~~x~~)",
    ":label:`sec_a`", ":label:``sec_b``", ":eqlabel:`eq_a`", ":width:`40px`", ":width:`wide`",
    ":bibliography:`a.bib`", "See :numref:`sec_a`, :eqref:`eq_a`, :ref:`sec_b`.", ":cite:`a,a`",
    "`:numref:` and :citet:`a` [x](y.md#z) ![](p.png)", "![A *b* $c$](p.png)", "$$", "$$x$$",
    "$$x^2$$ :eqlabel:`eq_a`", "$\\frac{a}{b}$", "$\\text{a $b$", "| a | b |", "|---|--:|",
    ": A :numref:`sec_a` caption", "> quote", "1. item", "- item", "  continued", "***", "a\\",
    "%load_ext d2lbook.tab", "tab.interact_select(['mxnet'])", "if tab.selected('mxnet'):",
    "    x = 1  #@save", "elif tab.selected('pytorch'):", "else:", "    pass", "#@save",
    "def f(): #@save", "@d2l.add_to_class(A)  #@save", "class A:", "x = d2l.ones(3)  #@quick 2",
    "x = '''", "'''", "%matplotlib inline", "!ls", "%%bash", "f?", "#@tags a b", "(**x**)", "[**",
    ":begin_tab: `mxnet`", ": end_tab:", "```{.json .output}", "```{.python .output}", "````toc",
    "````", ":citep:`a` :func:`f`", "`(**` ``x``",
    "x = f'{", "\tx", "\\", "", "", "\f", "\x00", "\u2028", "\ufeff", "\ud7ff", "<b>&amp;</b>",
]  # fmt: skip
LETTERS = string.printable + "äß→😀\x85\u2028\x00"
LINE = st.one_of(
    st.sampled_from(LINES), st.sampled_from(LINES), st.text(LETTERS, max_size=15),
    st.tuples(st.sampled_from(LINES), st.sampled_from(LINES)).map("".join),
)  # fmt: skip
CELL = st.tuples(
    st.sampled_from(["#@tab all", "#@tab mxnet", "%%tab all", ""]), st.lists(LINE, max_size=6)
).map(lambda c: "\n".join(["```{.python .input}", c[0], *c[1], "```"]))
TEXTS = st.tuples(
    st.lists(st.one_of(LINE, LINE, LINE, CELL), max_size=25),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"]),
    st.sampled_from(["", "", "\n", "\ufeff"]),
).map(lambda t: t[2] + t[1].join(t[0]))


def compile_all(text: str) -> str:
    """Compile a book of one page in every way; says how far it came.

    Raises:
        Exception: any but BookError is a fault of ours.
    """
    chapter, problems = read_chapter(text, "index", "index.md", ("pytorch", "mxnet"))
    assert all(problem.line >= 1 for problem in problems)
    if not all(problem.warning for problem in problems):
        return "not read"
    problems += [*missing_sections(chapter, {"index"})]
    for cell in chapter.cells:
        if cell.kind == "code":
            try:
                quick_source(cell, "index.md")
            except BookError as error:
                problems += error.problems
    book = Book(parse_config(CONFIG, Path()), (chapter,))
    refs, faults = resolve(book, BIBLIOGRAPHY, lambda path: True)
    faults += formulas.faults(chapter, refs.tokens)
    assert all(problem.warning for problem in faults)
    try:
        make_library(book, "mxnet")
    except BookError as error:
        problems += error.problems
    if not all(problem.warning for problem in problems):
        return "has errors"
    for tab in book.config.tabs:
        if (selected := select_tab(chapter, tab)) is not None:
            prose = readable_prose(selected, refs)
            notebook_text(make_notebook(selected, tab, prose))
            notebook_text(make_notebook(selected, tab, prose, quick=True))
    render_book(Build(book, refs, {}, {}))
    return "compiled with warnings" if problems or faults else "compiled"


def main(count: int) -> None:
    results: dict[str, int] = {}

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(TEXTS)
    def fuzz(text: str) -> None:
        result = compile_all(text)
        results[result] = results.get(result, 0) + 1

    fuzz()
    print(sum(results.values()), "texts:", results)


if __name__ == "__main__":
    main(int(sys.argv[1]))
