"""Aliases and tab branches, at the syntax tree's places: pairs in fixtures/alias.md, select.md."""

import ast
from pathlib import Path

import pytest
from markdown_it.utils import read_fixture_file

from bookc.book import Cell
from bookc.config import parse_config
from bookc.notebook.aliases import rewrite
from bookc.notebook.tabs import select_branches
from bookc.problems import BookError
from bookc.read.python import python_of
from bookc.read.slides import strip_slides

FIXTURES = Path(__file__).parents[1] / "fixtures"
CONFIG = r"""
[build]
tabs = pytorch, mxnet

[library-pytorch]
lib_name = torch
simple_alias = stack, exp(, concat -> cat,
               float32
fluent_alias = numpy -> detach().numpy, reshape, reduce_sum -> sum, astype -> type
args_alias = randn(size, device=None) -> np.random.randn(size=size, ctx=device)
    flip(a_x) -> a_x.flip(0)
    power(x, n=2 + 0) -> torch.f((x ** n)[x:, n], k=n)
reverse_alias =
    d2l.size\(([\w]+)\) -> \1.size
    d2l.to -> device_put
"""
ALIASES = read_fixture_file(FIXTURES / "alias.md")
BRANCHES = read_fixture_file(FIXTURES / "select.md")


def cell(source: str) -> Cell:
    return Cell("c", "code", source.rstrip("\n"), (), 10)


@pytest.mark.parametrize("line,title,text,expected", ALIASES, ids=[pair[1] for pair in ALIASES])
def test_aliases(line, title, text, expected, tmp_path):
    aliases = parse_config(CONFIG, tmp_path).aliases["pytorch"]
    assert rewrite(cell(text), aliases).source == expected.rstrip("\n")


@pytest.mark.parametrize("line,title,text,expected", BRANCHES, ids=[pair[1] for pair in BRANCHES])
def test_branches(line, title, text, expected):
    chosen = select_branches(cell(text), "mxnet")
    assert chosen.source == expected.rstrip("\n")
    if "= =" not in text:
        ast.parse(python_of(chosen.source))


def test_every_line_knows_where_it_comes_from(tmp_path):
    chosen = select_branches(cell("if tab.selected('a'):\n    x = 1\n\n# c\ny = 2"), "b")
    assert chosen.source == "# c\ny = 2"
    assert [chosen.line_at(number) for number in (1, 2)] == [13, 14]
    aliases = parse_config(CONFIG, tmp_path).aliases["pytorch"]
    done = rewrite(cell("d2l.reshape(a,\n    (1,\n 2))\ny"), aliases)
    assert done.source == "a.reshape((1,\n 2))\ny"
    assert [done.line_at(number) for number in (1, 2, 3)] == [10, 12, 13]


def test_branches_of_endless_nesting_stay():
    many = "if tab.selected('a'):\n    x = 1\n" + "elif tab.selected('b'):\n    x = 2\n" * 1500
    deep = f"if {'not ' * 100_000}tab.selected('a'):\n    x = 1\n"
    for text in (many, deep):
        assert select_branches(cell(text), "c") == cell(text)


def test_bad_aliases_are_told_with_their_lines(tmp_path):
    bad = CONFIG.replace(r"d2l.size\(", "d2l.size(").replace("[library-pytorch]", "[library-mxnet]")
    with pytest.raises(BookError) as error:
        parse_config(bad, tmp_path)
    (problem,) = error.value.problems
    assert problem.line == 13 and "is no pattern" in problem.message
    with pytest.raises(BookError, match="want 'name"):
        parse_config(CONFIG.replace("randn(size, device=None) ->", "randn ->"), tmp_path)


def test_slide_marks():
    text = "[**One**] (**two\nlines**) and (~~only\nslides~~).\n[**link**](x) f(**kwargs) [**open\n"
    assert strip_slides(text) == "One two\nlines and \n.\n[**link**](x) f(**kwargs) [**open\n"
    assert strip_slides("(**$$x$$**)\n:eqlabel:`e`") == "$$x$$\n:eqlabel:`e`"
    many = "[**(**[~~(~~" * 50_000
    assert strip_slides(many) == many


def test_slide_marks_in_code_stay():
    text = "Between `(**` and `**)`, ``a`(**b**)``,\n`x\n`(**y**)\n\n```\n(**x**)\n\n[~~y~~]\n```\n"
    assert strip_slides(text) == text.replace("`(**y**)", "`y")
    assert strip_slides("(**call `f(**kwargs)`, or ` alone**)") == "call `f(**kwargs)`, or ` alone"
    assert strip_slides("a ` b\n\n(**c**)\n\nd ` e") == "a ` b\n\nc\n\nd ` e"
    text = "# H\n    (**a**)\n\nb\n\n\tf(**x, [**c**])\n\n    ```\n    (**d**)\n\n(**e**)\n"
    assert strip_slides(text) == text.replace("(**e**)", "e")
    text = "- a\n\n    [**b**]\n\n          [**c**]\n\nd\n    [**e**]"
    assert strip_slides(text) == text.replace("[**b**]", "b").replace("[**e**]", "e")
    many = "[**`(**``" * 50_000
    assert strip_slides(many) == many
