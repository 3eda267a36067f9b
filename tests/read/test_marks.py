"""#@save, #@quick and #@tags: what they change, and what only looks like them."""

import textwrap

import pytest

from bookc.book import Cell
from bookc.problems import BookError
from bookc.read.marks import quick_source, saved_blocks, strip_marks, tags_of
from bookc.read.python import python_of


def cell(source: str, line: int = 10) -> Cell:
    return Cell("page-c1", "code", textwrap.dedent(source).strip("\n"), (), line)


def lines_of(text: str) -> list[str]:
    return textwrap.dedent(text).strip("\n").split("\n")


# What is left of a cell, and where its lines stand in the Markdown.


def test_a_cell_without_marks_is_unchanged():
    source, lines = strip_marks(cell("a = 1\n\nb = 2"))
    assert source == "a = 1\n\nb = 2"
    assert lines == (10, 11, 12)


def test_marks_are_stripped_and_the_lines_remembered():
    source, lines = strip_marks(
        cell(
            """
            #@tags slow
            import torch  #@save
            n = 20  # of them

            #@save
            def f():
                return 1
            epochs = 5  #@quick 1
            """
        )
    )
    assert source.split("\n") == lines_of(
        """
        import torch
        n = 20  # of them

        def f():
            return 1
        epochs = 5
        """
    )
    assert lines == (11, 12, 13, 15, 16, 17)


def test_marks_in_strings_and_other_comments_stay():
    text = "a = \"#@save\"\nb = '''\n#@quick 1\n'''\n# see #@save\n#@saved\n# save this"
    assert strip_marks(cell(text))[0] == text
    assert quick_source(cell(text), "page.md") == text
    assert saved_blocks(cell(text), "page.md") == []


def test_a_mark_behind_a_magic_line():
    source, lines = strip_marks(cell("%matplotlib inline\n!ls\nn = 2  #@quick 1\nplt?"))
    assert source == "%matplotlib inline\n!ls\nn = 2\nplt?"
    assert lines == (10, 11, 12, 13)


def test_a_cell_magic_has_no_marks():
    text = "%%bash\necho 1  #@quick 2"
    assert strip_marks(cell(text))[0] == text
    assert quick_source(cell(text), "page.md") == text


@pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 1", "%%capture out\n%%prun", "%%python3"])
def test_a_cell_magic_that_runs_python_has_marks(magic):
    text = f"#@tags slow\n{magic}\n#@save\ndef f():\n    n = 20  #@quick 1\n"
    assert tags_of(cell(text)) == ("slow",)
    assert strip_marks(cell(text))[0] == f"{magic}\ndef f():\n    n = 20"
    assert "n = 1" in quick_source(cell(text), "page.md")
    assert saved_blocks(cell(text), "page.md") == ["def f():\n    n = 20"]


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """Is it\n    good?\n    """',
        "s = '''\n%d items''' % 3",
        "x = (a  # why?\n     %b\n     != c)",
        "x = 5 \\\n%b",
    ],
)
def test_what_only_looks_like_a_magic_is_python(source):
    assert python_of(source) == source
    assert python_of(f"%ls\n{source}\n!ls (\nb = %pwd") == f"pass\n{source}\npass\nb = None"
    assert saved_blocks(cell(f"!ls (\n#@save\n{source}"), "page.md") == [source]


def test_what_is_no_python_has_no_marks():
    text = "total = (1\n'''\n#@save"
    assert strip_marks(cell(text))[0] == text
    # What follows the mark does not matter: the fault is told where the code is needed.
    assert strip_marks(cell("total = (1  #@save\n'"))[0] == "total = (1\n'"


def test_tags():
    assert tags_of(cell("#@tags a b\nx = 1  #@tags c")) == ("a", "b", "c")
    assert tags_of(cell("x = '#@tags a'")) == ()


# The quick value.


@pytest.mark.parametrize(
    "source,expected",
    [
        ("n = 20  #@quick 1", "n = 1  #@quick 1"),
        ("n: int = 20  #@quick 1", "n: int = 1  #@quick 1"),
        ("lr, n = 0.1, 20  #@quick 0.2, 1", "lr, n = 0.2, 1  #@quick 0.2, 1"),
        ("sizes = (64, 64)  #@quick (32, 32)", "sizes = (32, 32)  #@quick (32, 32)"),
        ("größe = 'Äß', 20  #@quick 'Ü', 1", "größe = 'Ü', 1  #@quick 'Ü', 1"),
        ("if gpus:\n    n = 20  #@quick 1", "if gpus:\n    n = 1  #@quick 1"),
        ("n = f(2 * 3)  #@quick f(1)  # why", "n = f(1)  # why  #@quick f(1)  # why"),
    ],
)
def test_quick(source, expected):
    assert quick_source(cell(source), "page.md") == expected


def test_several_quick_values_in_a_cell():
    quick = quick_source(cell("a = 9  #@quick 1\nb = 8\nc = 7  #@quick 2"), "page.md")
    assert strip_marks(cell(quick))[0] == "a = 1\nb = 8\nc = 2"


@pytest.mark.parametrize(
    "source,line,message",
    [
        ("a = 1\nf(20)  #@quick f(1)", 11, "#@quick stands behind an assignment on one line"),
        ("f(20)\n#@quick 1", 11, "#@quick stands behind an assignment on one line"),
        ("n = (1,\n     2)  #@quick 3", 11, "#@quick stands behind an assignment on one line"),
        ("n += 20  #@quick 1", 10, "#@quick stands behind an assignment on one line"),
        ("n = 20  #@quick one two", 10, "#@quick one two: not a Python expression"),
        ("n = 20  #@quick", 10, "#@quick : not a Python expression"),
        ("n = = 20  #@quick 1", 10, "#@quick in a cell that is not Python: invalid syntax"),
    ],
)
def test_wrong_quick(source, line, message):
    with pytest.raises(BookError) as error:
        quick_source(cell(source), "page.md")
    assert str(error.value).startswith(f"page.md:{line}: {message}")


def test_all_wrong_quicks_of_a_cell_are_shown():
    with pytest.raises(BookError) as error:
        quick_source(cell("f()  #@quick 1\nn = 2  #@quick )"), "page.md")
    assert [problem.line for problem in error.value.problems] == [10, 11]


# What is saved.


@pytest.mark.parametrize(
    "source,expected",
    [
        ("#@save\ndef f():\n    return 1\n\nx = f()", ["def f():\n    return 1"]),
        ("#@save\nclass A:\n    n = 1\n\n    m = 2\nA()", ["class A:\n    n = 1\n\n    m = 2"]),
        ("import torch  #@save\nimport math", ["import torch"]),
        (
            "import torch  #@save\nfrom torch import nn  #@save",
            ["import torch", "from torch import nn"],
        ),
        ("from torch import (  #@save\n    nn,\n)\nx = 1", ["from torch import (\n    nn,\n)"]),
        (
            "#@save\n@cache\n@other(1)\ndef f():\n    pass",
            ["@cache\n@other(1)\ndef f():\n    pass"],
        ),
        ("@cache  #@save\ndef f():\n    pass", ["@cache\ndef f():\n    pass"]),
        ("def f():  #@save\n    pass\nf()", ["def f():\n    pass"]),
        (
            "#@save\ndef f():\n    pass\n\n#@save\ndef g():\n    pass",
            ["def f():\n    pass", "def g():\n    pass"],
        ),
        ("#@save\nA = 1\nB = 2\n\nC = 3", ["A = 1\nB = 2"]),
        ("#@save\nA = 1\ndef f():\n    return A\nC = 3", ["A = 1\ndef f():\n    return A"]),
        (  # once, however often it is marked
            "class A:  #@save\n    def f(self):  #@save\n        pass\n\n    n = 1  #@save",
            ["class A:\n    def f(self):\n        pass\n\n    n = 1"],
        ),
        ("#@save\nA = 1\nB = 2  #@save\n\nC = 3", ["A = 1\nB = 2"]),
        (  # with the comments that end it
            "def f():  #@save\n    return 1\n\n    # one\n    # two\n\n# of nobody\nx = 1",
            ["def f():\n    return 1\n\n    # one\n    # two"],
        ),
        ("%matplotlib inline\n#@save\ndef f():\n    '''#@save'''", ["def f():\n    '''#@save'''"]),
    ],
)
def test_save(source, expected):
    assert saved_blocks(cell(source), "page.md") == expected


def test_wrong_save():
    with pytest.raises(BookError, match=r"page\.md:11: #@save marks nothing: no statement follows"):
        saved_blocks(cell("x = 1\n#@save"), "page.md")
    with pytest.raises(BookError, match=r"page\.md:12: #@save in a cell that is not Python"):
        saved_blocks(cell("#@save\ndef f():\n    return ="), "page.md")
    with pytest.raises(BookError, match=r"page\.md:12: #@save marks a line of IPython"):
        saved_blocks(cell("x = 1\n#@save\n%matplotlib inline"), "page.md")


def test_tags_are_valid_in_a_notebook():
    assert tags_of(cell("#@tags a b, c\nx = 1\n#@tags b,d")) == ("a", "b", "c", "d")
