"""What holds for any text at all, tried on texts made of the syntax's own pieces."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from bookc.book import Cell, Chapter
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError
from bookc.read import marks, prose
from bookc.read.cells import parse_chapter

TABS = ("pytorch", "tensorflow", "mxnet")
# Lines that mean something, next to lines of any letters.
PIECES = st.sampled_from(
    [
        "```{.python .input}",
        "````{.python .input}",
        "~~~",
        "```",
        "````",
        "```bash",
        "```toc",
        "#@tab all",
        "#@tab pytorch, mxnet",
        "%%tab tensorflow",
        "#@tab nosuchtab",
        ":begin_tab:`mxnet`",
        ":end_tab:",
        "# Title",
        ":label:`sec_x`",
        "see :numref:`sec_x` and `:ref:`",
        "x = 1  #@quick 2",
        "#@save",
        "def f():",
        "    return '''",
        "%matplotlib inline",
        "$$",
        "| a | b |",
        "|---|---|",
        ": A caption",
        "",
    ]
)
LINE = st.one_of(PIECES, PIECES, st.text(string.printable + "äß→😀", max_size=20))
TEXT = st.lists(LINE, max_size=30).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines))
)
MANY = settings(max_examples=300, deadline=None)


def parse(text: str) -> Chapter | None:
    try:
        return parse_chapter(text, "page", "page.md", TABS)
    except BookError as error:
        assert error.problems
        assert all(problem.line >= 1 for problem in error.problems)
        return None


@MANY
@given(st.one_of(TEXT, st.text()))
def test_any_text_is_a_chapter_or_an_error(text):
    parse(text)


@MANY
@given(TEXT)
def test_a_cell_stands_in_the_text_at_its_line(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for cell in ((chapter := parse(text)) and chapter.cells) or ():
        source = cell.source.split("\n")
        assert source == lines[cell.line - 1 : cell.line - 1 + len(source)]
        assert source[0].strip() and source[-1].strip()


@MANY
@given(TEXT)
def test_joining_and_parsing_again_gives_the_same_cells(text):
    chapter = parse(text)
    if chapter is None:
        return
    again = parse("\n\n".join(written(cell) for cell in chapter.cells))
    assert again is not None
    # Neighbouring runs of prose for every tab are one run when they are joined.
    assert merged(again) == merged(chapter)


@MANY
@given(TEXT)
def test_every_step_takes_what_the_parser_gives(text):
    chapter = parse(text)
    for cell in chapter.cells if chapter else ():
        if cell.kind == "markdown":
            prose.parse(cell.source)
    for tab in TABS if chapter else ():
        selected = select_tab(chapter, tab)
        if selected is not None:
            try:
                make_notebook(selected, tab, quick=True)
            except BookError as error:
                assert "#@quick" in str(error)


@MANY
@given(st.lists(LINE, max_size=10).map("\n".join))
def test_lines_of_a_cell_without_marks_are_its_own(source):
    cell = Cell("c", "code", source, (), 10)
    stripped, lines = marks.strip_marks(cell)
    assert len(lines) == (len(stripped.split("\n")) if lines else 0)
    original = source.split("\n")
    for line, text in zip(lines, stripped.split("\n"), strict=False):
        assert original[line - 10].startswith(text)


def written(cell: Cell) -> str:
    """A cell as a chapter would hold it; a long fence, since cells may hold short ones."""
    if cell.kind == "code":
        mark = ", ".join(cell.tabs) or "all"
        return f"{'`' * 30}{{.python .input}}\n#@tab {mark}\n{cell.source}\n{'`' * 30}"
    if cell.tabs:
        return f":begin_tab:`{','.join(cell.tabs)}`\n{cell.source}\n:end_tab:"
    return cell.source


def merged(chapter: Chapter) -> list[tuple[str, tuple[str, ...], str]]:
    cells: list[tuple[str, tuple[str, ...], str]] = []
    for cell in chapter.cells:
        for_all = cell.kind == "markdown" and not cell.tabs
        if cells and for_all and cells[-1][:2] == ("markdown", ()):
            cells[-1] = ("markdown", (), f"{cells[-1][2]}\n\n{cell.source}")
        else:
            cells.append((cell.kind, cell.tabs, cell.source))
    return cells
