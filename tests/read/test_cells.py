"""Tagged Markdown -> cells: pairs of text and result in fixtures/parse*.md."""

import re
from pathlib import Path

import pytest
from markdown_it.utils import read_fixture_file

from bookc.book import Chapter
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError
from bookc.read.cells import cell_prefix, parse_chapter, read_chapter

FIXTURES = Path(__file__).parents[1] / "fixtures"
TABS = ("pytorch", "tensorflow", "mxnet")
PAIRS = read_fixture_file(FIXTURES / "parse.md")
ERRORS = read_fixture_file(FIXTURES / "parse-errors.md")


def parse(text: str) -> Chapter:
    return parse_chapter(text, "folder/page", "folder/page.md", TABS)


def shown(chapter: Chapter) -> str:
    """A chapter as the fixtures write it."""
    lines = []
    for cell in chapter.cells:
        name = cell.id.removeprefix("folder__page-")
        lines.append(f"{name} line {cell.line}, {' '.join(cell.tabs) or 'all tabs'}")
        lines += [f"| {line}".rstrip() for line in cell.source.split("\n")]
    for entry in chapter.toc:
        lines.append(f"toc line {entry.line}: {entry.path}{', numbered' * entry.numbered}")
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("line,title,text,expected", PAIRS, ids=[pair[1] for pair in PAIRS])
def test_parse(line, title, text, expected):
    assert shown(parse(text)) == expected


@pytest.mark.parametrize("line,title,text,expected", PAIRS, ids=[pair[1] for pair in PAIRS])
def test_line_ends_and_marks_of_the_file_change_nothing(line, title, text, expected):
    assert shown(parse(text.replace("\n", "\r\n"))) == expected
    assert shown(parse(text.replace("\n", "\r"))) == expected
    assert shown(parse("\ufeff" + text)) == expected
    assert shown(parse(text.removesuffix("\n"))) == expected


@pytest.mark.parametrize("line,title,text,expected", ERRORS, ids=[pair[1] for pair in ERRORS])
def test_errors(line, title, text, expected):
    _, problems = read_chapter(text, "folder/page", "folder/page.md", TABS)
    assert f"{BookError(problems)}\n" == expected
    if all(problem.warning for problem in problems):
        parse(text)
        return
    with pytest.raises(BookError, match=re.escape(str(BookError(problems)))):
        parse(text)


def test_what_follows_an_unclosed_fence_is_still_read():
    text = "```{.python .input}\nx = 1\n\n# Later\n:label:`sec_later`\n"
    chapter, problems = read_chapter(text, "page", "page.md", TABS)
    assert [problem.line for problem in problems] == [1]
    assert ":label:`sec_later`" in chapter.cells[-1].source


def test_outputs_are_left_out_and_what_only_calls_itself_one_is_a_cell():
    text = "```{.python .output}\nx = 1\n```\n\n```{.json .output n=1}\n[]\n```\n"
    chapter, problems = read_chapter(text, "page", "page.md", TABS)
    assert [(cell.kind, cell.source, cell.line) for cell in chapter.cells] == [("code", "x = 1", 2)]
    assert [problem.line for problem in problems if problem.warning] == [1, 5]


def test_ids_are_valid_and_never_shared():
    long = "a/" * 40 + "page"
    paths = ["a/b", "a__b", "a-b", "ä/b", "ö/b", long, long + "2"]
    prefixes = [cell_prefix(path) for path in paths]
    assert prefixes[0] == "a__b"
    assert len(set(prefixes)) == len(paths)
    assert all(len(prefix) <= 52 for prefix in prefixes)


def test_a_tab_sees_its_own_cells():
    chapter = parse(
        ":begin_tab:`mxnet`\nOnly MXNet.\n:end_tab:\n\n"
        "```{.python .input}\n#@tab mxnet, pytorch\nx = 1\n```\n"
    )
    assert [c.kind for c in select_tab(chapter, "mxnet").cells] == ["markdown", "code"]
    assert [c.kind for c in select_tab(chapter, "pytorch").cells] == ["code"]


def test_a_tab_block_that_names_every_tab_is_of_each():
    """And `all` is of none, as for code cells: their sections are d2lbook's."""
    cell = "```{.python .input}\n#@tab mxnet\nx = 1\n```\n"
    block = ":begin_tab:`{}`\nProse.\n:end_tab:\n\n"
    assert parse(block.format("pytorch, mxnet, tensorflow") + cell).tabs == TABS
    assert parse(block.format("all") + cell).tabs == ("mxnet",)


def test_a_section_without_code_for_a_tab_is_not_in_it():
    chapter = parse("# Only here\n\n```{.python .input}\n#@tab mxnet\nx = 1\n```\n")
    assert select_tab(chapter, "tensorflow") is None
    assert select_tab(parse("# No code\n"), "tensorflow") is not None


def test_tabs_that_the_book_does_not_have_are_left_out():
    text = (
        "# Page\n\n:begin_tab:`paddle`\nOnly paddle.\n:end_tab:\n\n"
        "```{.python .input}\n#@tab paddle\nx = 1\n```\n\n"
        "```{.python .input}\n#@tab mxnet, paddle\nx = 2\n```\n\n"
        "```{.python .input}\n#@tab pytorch, tensorflow, mxnet, paddle\nx = 3\n```\n"
    )
    chapter, problems = read_chapter(text, "page", "page.md", TABS)
    assert [(p.line, p.warning) for p in problems] == [(3, True)]  # told once
    cells = [(cell.source, cell.tabs) for cell in chapter.cells]
    assert cells == [("# Page", ()), ("x = 2", ("mxnet",)), ("x = 3", ())]
    only_paddle, _ = read_chapter("```{.python .input}\n#@tab paddle\nx\n```\n", "p", "p.md", TABS)
    assert only_paddle.cells == () and only_paddle.tabs == ()


@pytest.mark.parametrize(
    "line,what",
    [
        (" ```{.python .input}", "code cell"),
        ("    ```{.python .input}", "code cell"),
        ("1. ```{.python .input}", ""),  # markdown-it shows it as what it is: code in a list
        ("> ~~~ {.python .input  n=1}", "code cell"),
        ("\t:begin_tab:`mxnet`", ":begin_tab:"),
        ("  :end_tab:", ":end_tab:"),
        ("   ```python", ""),
    ],
)
def test_what_is_indented_is_no_cell_and_is_told(line, what):
    _, found = read_chapter(f"# Title\n\n{line}\n", "a", "a.md", ("mxnet",))
    told = [problem.message for problem in found if "is none" in problem.message]
    assert told == ([f"this {what} is none: begin it at the start of its line"] if what else [])
    assert all(problem.warning and problem.line == 3 for problem in found)
