"""Input that once took minutes, or ended the process: each is read by a process of its own.

No time is measured; what takes as long as these did would not end before the limit.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import MakeBook

from bookc.read.formulas import LatexError, mathml

LIMIT = 60  # seconds
CELL = "```{{.python .input}}\n#@tab all\n{}```\n"


def lines(pattern: str, count: int) -> str:
    return "".join(pattern.format(number) for number in range(count))


BOOKS = {
    "formulas that never close": {"index.md": "# B\n\n" + "$$ a\n\n" * 10_000},
    "environments that never end": {"index.md": "# B\n\n$$" + r"\begin{a}" * 6_000 + "$$\n"},
    "quick values": {"index.md": "# B\n\n" + CELL.format(lines("x{0} = {0}  #@quick 1\n", 3000))},
    "saved lines": {"index.md": "# B\n\n" + CELL.format(lines("x{0} = {0}  #@save\n", 3000))},
    "unknown references": {
        "index.md": "# B\n\n"
        + lines("## A {0}\n:label:`sec_one_{0}`\n\n:numref:`sec_two_{0}`\n\n", 2000)
    },
    "unknown citations": {
        "index.md": "# B\n\n" + lines(":cite:`key_{0}`\n", 2000),
        "refs.bib": lines("@misc{{kee_{0}, title = {{T}}, author = {{A}}, year = 1999}}\n", 2000),
    },
    "tables of contents in each other": {
        "index.md": "# B\n\n```toc\np0\n```\n",
        **{f"p{n}.md": f"# P\n\n```toc\np{n + 1}\n```\n" for n in range(1200)},
        "p1200.md": "# P\n",
    },
    "brackets": {"index.md": "# B\n\n" + "[" * 30_000 + "\n\n" + "![" * 30_000 + "\n"},
    "marks": {"index.md": "# B\n\n" + ":label:`" * 30_000 + "\n\n" + "[**" * 30_000 + "\n"},
    "quotes and lists": {"index.md": "# B\n\n" + "> " * 3_000 + "a\n\n" + "- " * 3_000 + "b\n"},
    "emphasis": {"index.md": "# B\n\n" + "*a **b " * 10_000 + "\n\n" + "_" * 60_000 + "\n"},
    "code spans": {"index.md": "# B\n\n" + "".join("`" * n + "a" for n in range(600)) + "\n"},
    "tables": {"index.md": "# B\n\n" + "|a" * 3000 + "\n" + "|-" * 3000 + "\n" + "|b\n" * 300},
    "brackets in a formula": {"index.md": "# B\n\n$" + "(" * 60 + "$ $" + r"\{" * 60 + "$\n"},
    "tab blocks": {"index.md": "# B\n\n" + ":begin_tab:`mxnet`\n" * 10_000},
    "nested cells": {"index.md": "# B\n\n" + "```{.python .input}\n" * 10_000},
    "deep Python": {"index.md": "# B\n\n" + CELL.format("x = " + "(" * 5000 + ")" * 5000 + "\n")},
    "long Python": {"index.md": "# B\n\n" + CELL.format("x = " + "1 + " * 20_000 + "1  #@save\n")},
    "links": {"index.md": "# B\n\n" + "[a](b " * 10_000 + "\n\n" + "<http:" * 10_000 + "\n"},
}
CONFIG = """\
[project]
title = B
[build]
tabs = pytorch, mxnet
[pdf]
bibfile = refs.bib
[library-pytorch]
lib_file = saved.py
"""


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("verb", ["build", "lint"])
def test_every_book_is_read_to_its_end(make_book: MakeBook, name: str, verb: str) -> None:
    root = make_book({"config.ini": CONFIG, "refs.bib": "", **BOOKS[name]})
    command = [sys.executable, "-m", "bookc", verb, "--book", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode in (0, 1), done.stderr[-300:]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("{" * 5400 + "x" + "}" * 5400, "more than 300 groups within each other"),
        (r"\left(" * 3000, "more than 300 groups within each other"),
        (r"\begin{matrix}" * 400, "more than 300 groups within each other"),
        (r"\sqrt" * 3000 + "2", "more than 300 commands in a row"),
        (r"\frac1" * 3000 + "2", "more than 300 commands in a row"),
        (r"\displaystyle" * 1000, "more than 300 commands in a row"),
        ("x" * 20_001, "20,001 letters, of which at most 20,000 are set"),
        ("(" * 13, "13 brackets that are never closed"),
        (r"\lfloor " * 13, "13 brackets that are never closed"),
        ("⟨" * 13, "13 brackets that are never closed"),
        (r"\kern-1000em x", "a length of more than 60 em"),
        (r"\raisebox{99em}{x}", "a length of more than 60 em"),
    ],
)
def test_a_formula_that_is_too_much_says_why(formula: str, reason: str) -> None:
    with pytest.raises(LatexError, match=reason):
        mathml(formula, True)


@pytest.mark.parametrize(
    "formula",
    ["{" * 299 + "x" + "}" * 299, "(" * 12, "()" * 500, r"\lvert x \rvert" * 100,
     r"\hat" * 290 + "{x}", r"\alpha x + \beta y \\" * 200, r"[0, 1)" * 100,
     r"\text{1000em}", r"\hspace{20em}"],
)  # fmt: skip
def test_what_formulas_have_is_set(formula: str) -> None:
    assert mathml(formula, False).startswith("<math")
