"""bookc lint: what it finds, where, for people and for programs; and what it leaves alone."""

from __future__ import annotations

import json

import pytest

from bookc.__main__ import main
from bookc.author.lint import coverage, gaps, lint_chapter, located
from bookc.problems import Problem
from bookc.read.cells import parse_chapter

TABS = ("pytorch", "tensorflow", "mxnet")
PAGE = """\
# Page
:label:`sec_page`

See :numref:``sec_page`` and :numfer:`sec_page`, :numref: or :eqref:`sec_page
`:numfer:`x`` in code, a time 10:30:00, and c::d:`e`.

```
:numfer:`x` in a block
```

```{.python .input}
#@tab all
%matplotlib inline
x = %pwd
y = = 2
```

```{.python .input}
#@tab mxnet
%%time
!pip install x
await f()
files = !ls
'\\d'
```
"""


def found(text):
    chapter = parse_chapter(text, "page", "page.md", TABS)
    problems = sorted(lint_chapter(chapter, TABS), key=lambda one: (one.line, one.column))
    return [str(problem) for problem in problems]


def test_what_is_found_and_where():
    assert found(PAGE) == [
        "page.md:4:5: doubled backticks: write :numref:`sec_page`",
        "page.md:4:30: unknown mark :numfer: did you mean :numref:?",
        "page.md:4:50: :numref: names nothing: write :numref:`label`",
        "page.md:4:62: the backtick behind :eqref: is never closed",
        "page.md:15:5: not Python (pytorch, mxnet): invalid syntax",
    ]


def test_marks_in_code_that_are_misspelt():
    code = "#@tabs mxnet\n%%time\n#@Save\nx = '#@sav'  #@sav\n"
    code += "# @property\n#@title x\n#@hide\ny = 1  #@quick 2\nimport z  #  @saved\n"
    assert found(f"```{{.python .input}}\n{code}```\n\n```bash\n#@sav\n```\n") == [
        "page.md:2:1: unknown mark #@tabs: did you mean #@tab?",
        "page.md:4:1: unknown mark #@Save: did you mean #@save?",
        "page.md:5:14: unknown mark #@sav: did you mean #@save?",
        "page.md:10:11: unknown mark #@saved: did you mean #@save?",
    ]
    assert found("```{.python .input}\n%%bash\n#@sav\n```\n") == []


def test_null_bytes_are_told():
    assert found("```{.python .input}\n#@tab mxnet\nx = '\0'\n```\n") == [
        "page.md:3:1: not Python (mxnet): source code string cannot contain null bytes"
    ]


def test_coverage_and_gaps():
    text = "".join(
        f"```{{.python .input}}\n#@tab {tabs}\nx\n```\n\n{words}"
        for tabs, words in [
            ("pytorch", ""),
            ("mxnet", "Words.\n\n"),
            ("pytorch", ":begin_tab:`mxnet`\nNothing to do.\n:end_tab:\n\nWords.\n\n"),
            ("mxnet", "Words.\n\n"),
            ("all", ""),
        ]
    )
    chapter = parse_chapter(text, "page", "page.md", TABS)
    assert coverage(chapter, TABS) == {"pytorch": 3, "tensorflow": 1, "mxnet": 3}
    (gap,) = gaps(chapter, TABS)
    assert gap.tabs == ("pytorch",)
    assert text.split("\n")[gap.line - 3 : gap.line] == ["```{.python .input}", "#@tab mxnet", "x"]


BOOK = {
    "index.md": "# Book\n\n```toc\npage\n```\n",
    "page.md": "# Page\n\n  See :numref:`nowhere`,\nor :cite:`some,body`.\n",
    "bad, name.md": "# 50%\n\n:begin_tab:`mxnet`\n",
}


def test_columns_for_people(make_book, capsys):
    root = make_book(BOOK)
    assert main(["lint", "--book", str(root)]) == 1
    assert capsys.readouterr().err == (
        "bad, name.md:3:1: this tab block is never closed: :end_tab: is missing\n"
        "page.md:3:16: no label 'nowhere'\n"
        "page.md:4:11: no reference 'some' in the bibliography\n"
        "page.md:4:16: no reference 'body' in the bibliography\n"
        "4 errors\n"
    )


def test_json_and_github(make_book, capsys, monkeypatch):
    root = make_book(BOOK)
    monkeypatch.chdir(root.parent)
    assert main(["lint", "--book", "book", "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert shown.err == ""
    assert json.loads(shown.out)[1] == {
        "path": "book/page.md",
        "line": 3,
        "column": 16,
        "message": "no label 'nowhere'",
    }
    assert main(["lint", "--book", "book", "--format=github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error file=book/bad%2C name.md,line=3,col=1::this tab block")
    assert len(lines) == 4


@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_a_good_book(tiny, capsys, format):
    assert main(["lint", "--book", str(tiny), "--format", format]) == 0
    expected = {"text": "5 files, no errors\n", "json": "[]\n", "github": ""}
    assert capsys.readouterr().out == expected[format]


def test_a_table_of_coverage(tiny, capsys):
    assert main(["lint", "--book", str(tiny), "--tabs"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "part/one_tab" in line)
    assert row.split("│")[2:5] == [" -       ", " -          ", " 1     "]


@pytest.mark.parametrize("format", ["json", "github"])
def test_a_config_that_cannot_be_read_is_told_in_each_format(make_book, capsys, format):
    root = make_book({"config.ini": "[build]\ntabs = a\ntabs = b\n"})
    assert main(["lint", "--book", str(root), "--format", format]) == 1
    told = capsys.readouterr().out
    assert ("line=3" if format == "github" else '"line": 3') in told


def test_a_terminal_that_knows_few_letters(make_book, bookc, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    root = make_book({"index.md": "# Book\n\n:numref:`\u00e9`\n"})
    for format in ("text", "json", "github"):
        run = bookc("lint", "--book", root, "--format", format)
        assert run.returncode == 1 and "Traceback" not in run.stderr


def test_columns_of_what_stands_in_a_line_more_than_once():
    def column(message, line):
        return located(Problem("page.md", 1, message), [line]).column

    assert column("no label 'nope'", "nope is :numref:`nope`.") == 18
    assert column("#@quick 1 2: not a Python expression", "n = 1  #@quick 1 2") == 8
    assert column("no label 'a'", "aa  a") == 1


def test_marks_that_are_read_as_text():
    text = "# Page :label:`sec_a`\n\n## Part\n:label: `sec_b`\n\nOf :label: and `:label: `x``.\n"
    chapter = parse_chapter(text, "page", "page.md", TABS)
    assert [str(problem) for problem in lint_chapter(chapter, TABS)] == [
        "page.md:1:8: a label stands on a line of its own, below its heading",
        "page.md:4:1: a space behind :label: makes text of it",
    ]
