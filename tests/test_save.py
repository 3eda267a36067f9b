"""#@save -> the module that the next chapters import."""

import ast

import pytest

from bookc.book import BookError
from bookc.build import read_book, write_libraries
from bookc.save import make_library

CONFIG = """\
[build]
notebooks = *.md
tabs = pytorch, mxnet

[library-pytorch]
lib_file = saved/pytorch.py
"""
ONE = """\
# One

```{.python .input}
#@tab all
import math  #@save
import os
```

```{.python .input}
#@tab pytorch
#@save
def area(r):
    return math.pi * r**2
```

```{.python .input}
#@tab mxnet
#@save
def area(r):
    return 3 * r**2
```
"""
TWO = """\
# Two

```{.python .input}
#@tab pytorch
import math  #@save
from functools import cache  #@save

#@save
@cache
def twice(r):
    return 2 * area(r)  #@quick 1
```
"""
EXPECTED = '''\
"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

import math
from functools import cache

__all__ = [
    "area",
    "twice",
]


# one
def area(r):
    return math.pi * r**2


# two
@cache
def twice(r):
    return 2 * area(r)
'''


@pytest.fixture
def root(make_book):
    index = "# Book\n```toc\none\ntwo\n```\n"
    two = TWO.replace("  #@quick 1", "")
    return make_book({"config.ini": CONFIG, "index.md": index, "one.md": ONE, "two.md": two})


def test_a_library_holds_its_tabs_blocks_in_book_order(root):
    book, _ = read_book(root)
    assert make_library(book, "pytorch") == EXPECTED
    assert "3 * r**2" in make_library(book, "mxnet")
    assert "twice" not in make_library(book, "mxnet")
    ast.parse(make_library(book, "mxnet"))


def test_a_library_without_anything_saved(make_book):
    book, _ = read_book(make_book({"index.md": "# Book\n"}))
    first = EXPECTED.split("\n")[0]
    assert make_library(book, "pytorch") == f"{first}\n\n__all__: list[str] = []\n"


def test_writing(root):
    book, _ = read_book(root)
    file = root / "saved" / "pytorch.py"
    assert write_libraries(book, check=True) == [file]
    assert not file.exists()
    assert write_libraries(book) == [file]
    assert file.read_text() == EXPECTED
    assert write_libraries(book) == write_libraries(book, check=True) == []
    file.write_text(EXPECTED + "# by hand\n")
    assert write_libraries(book, check=True) == [file]


def test_what_the_library_of_the_tiny_book_says(tiny):
    book, _ = read_book(tiny)
    assert write_libraries(book, check=True) == []


def test_errors_are_found_when_the_book_is_read(root):
    (root / "two.md").write_text(TWO + "\n```{.python .input}\nx = 1\n#@save\n```\n")
    with pytest.raises(BookError) as error:
        read_book(root)
    assert [str(problem) for problem in error.value.problems] == [
        "two.md:11: #@quick stands behind an assignment on one line: `n = 20  #@quick 1`",
        "two.md:16: #@save marks nothing: no statement follows",
    ]
