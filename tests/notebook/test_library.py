"""#@save -> the module that the next chapters import."""

import ast
import sys
import types

import pytest

from bookc.notebook.library import library_faults, make_library, write_libraries
from bookc.problems import BookError
from bookc.read.read import read_book

CONFIG = """\
[build]
notebooks = *.md
tabs = pytorch, mxnet

[library-pytorch]
lib_file = saved/pytorch.py

[bookc]
sections_in_docstrings = false
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
"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""

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
        read_book(root, checks=[library_faults])
    assert [str(problem) for problem in error.value.problems] == [
        "two.md:11: #@quick stands behind an assignment on one line: `n = 20  #@quick 1`",
        "two.md:16: #@save marks nothing: no statement follows",
    ]


D2L_CONFIG = """\
[build]
notebooks = *.md
tabs = pytorch, mxnet

[library-pytorch]
lib_file = d2l/torch.py
lib_name = torch
simple_alias = ones, concat -> cat
fluent_alias = numpy -> detach().numpy
args_alias = randn(size) -> torch.randn(size)
alias =
    size = lambda a: a.numel()
"""
D2L = '''\
# One
:label:`sec_one`

```{.python .input}
%load_ext d2lbook.tab
tab.interact_select('pytorch', 'mxnet')
```

```{.python .input}
%%tab all
class Model(d2l.Module):  #@save
    """A model."""
    def f(self):
        if tab.selected('mxnet'):
            return 1
        if tab.selected('pytorch'):
            return 2
```

## Part
:label:`subsec_part`

```{.python .input}
%%tab pytorch
@d2l.add_to_class(Model)  #@save
def g(self, x='a'):
    text = """one
two"""
    return text
```

```{.python .input}
%%tab pytorch
@d2l.add_to_class(Other)  #@save
def h(self):
    """Of a class that is not saved."""
```
'''
D2L_LIBRARY = '''\
import torch
#################   WARNING   ################
# The part below is written by `bookc build lib`: edit the chapters instead.


# index
class Model(d2l.Module):
    """A model.

    Defined in :numref:`sec_one`"""
    def f(self):
        return 2

    def g(self, x='a'):
        """Defined in :numref:`subsec_part`"""
        text = """one
two"""
        return text


# index
@d2l.add_to_class(Other)
def h(self):
    """Of a class that is not saved.

    Defined in :numref:`subsec_part`"""


# The aliases of config.ini
size = lambda a: a.numel()
ones = torch.ones
concat = torch.cat
numpy = lambda x, *args, **kwargs: x.detach().numpy(*args, **kwargs)
def randn(size):
    return torch.randn(size)
'''


def test_a_library_of_d2lbooks_kind(make_book):
    root = make_book({"config.ini": D2L_CONFIG, "index.md": D2L})
    file = root / "d2l" / "torch.py"
    file.parent.mkdir()
    file.write_text("import torch\n#################   WARNING   ################\nold = 1\n")
    book, _ = read_book(root)
    assert write_libraries(book) == [file]
    assert file.read_text() == D2L_LIBRARY
    assert write_libraries(book) == []  # the author's own lines stay, what was generated goes


ADD_TO_CLASS = """\
def add_to_class(cls):  #@save
    def wrapper(method):
        setattr(cls, method.__name__, method)
        return method
    return wrapper
"""
METHOD = "@d2l.add_to_class(A)  #@save\ndef f(self):\n    return 1"


def library_of(make_book, *cells):
    """The module that cells are saved to: its text, and what is imported."""
    config = "[build]\nnotebooks = *.md\ntabs = pytorch\n[library-pytorch]\nlib_file = saved.py\n"
    code = "\n".join(f"```{{.python .input}}\n{cell}\n```\n" for cell in cells)
    book, _ = read_book(make_book({"config.ini": config, "index.md": f"# Book\n\n{code}"}))
    text = make_library(book, "pytorch")
    module = types.ModuleType("saved")
    sys.modules["saved"] = module
    try:
        exec(compile(text, "saved.py", "exec", dont_inherit=True), module.__dict__)
    finally:
        del sys.modules["saved"]
    return text, module


@pytest.mark.parametrize(
    "first",
    [
        "class A: pass  #@save",
        "class A(  #@save\n    object): x = 1; y = 2",
        "class A:  #@save\n  x = 1",
        "class A:  #@save\n\tx = 1\n\n\t# the end",
        "class A:  #@save\n    @property\n    def x(self):\n        return 2",
        "#@save\nn = 1\nclass A:\n    '''Of n.'''",
    ],
)
def test_a_method_stands_in_its_class_however_that_is_written(make_book, first):
    text, module = library_of(make_book, first, METHOD, METHOD.replace("f(", "g("))
    assert (module.A().f(), module.A().g()) == (1, 1)
    assert "add_to_class" not in text


def test_a_method_of_two_classes(make_book):
    classes = "#@save\nclass A:\n    pass\n\n#@save\nclass B:\n    pass"
    _, module = library_of(make_book, classes, f"@d2l.add_to_class(B)\n{METHOD}")
    assert (module.A().f(), module.B().f()) == (1, 1)


def test_a_method_that_needs_what_its_class_does_not_know_is_set_on_it(make_book):
    methods = [
        "@d2l.add_to_class(A)  #@save\ndef f(self, n=LIMIT):\n    return n",
        "@d2l.add_to_class(A)  #@save\ndef g(self, *, n=d2l.LIMIT):\n    return n",
        "@d2l.add_to_class(A)  #@save\ndef h(self, other: int) -> A:\n    return 3",
        "#@save\nWORD = 'a'\n@d2l.add_to_class(A)\ndef w(self):\n    return WORD",
    ]
    text, module = library_of(
        make_book, "class A:  #@save\n    pass", "LIMIT = 3  #@save", *methods
    )
    a = module.A()
    assert (a.f(), a.g(), a.h(1), a.w()) == (3, 3, 3, "a")
    assert "\n\n\nA.f = f\n" in text
    assert "    def w(self)" in text
    assert module.__all__ == ["A", "LIMIT", "WORD"]


def test_a_method_that_comes_before_its_class(make_book):
    _, module = library_of(make_book, METHOD, "class A:  #@save\n    pass")
    assert module.A().f() == 1


def test_an_asynchronous_method(make_book):
    method = METHOD.replace("def", "async def")
    text, _ = library_of(make_book, "class A:  #@save\n    pass", method)
    assert "    async def f(self):" in text


def test_a_module_knows_itself_as_d2l(make_book):
    text, module = library_of(
        make_book,
        ADD_TO_CLASS,
        "#@save\nOther = type('Other', (), {})",
        METHOD.replace("A", "Other"),
        "class B(d2l.Other):  #@save\n    pass",
    )
    assert module.B().f() == 1
    assert text.count("import sys") == 1
    assert module.__all__ == ["B", "Other", "add_to_class"]


def test_assigned_names_are_public(make_book):
    _, module = library_of(
        make_book, "#@save\nA = B = 1\nc, (d, *e) = 1, (2, 3)\nf: int = 1\ng: int\n_h = 2\nB += 1"
    )
    assert module.__all__ == ["A", "B", "c", "d", "e", "f"]


def test_future_imports_come_first(make_book):
    future = "from __future__ import annotations"
    text, _ = library_of(
        make_book,
        "import os  #@save",
        f"{future}  #@save",
        f"#@save\n{future}\nimport sys\nclass A:\n    x: Unknown",
    )
    assert text.split("\n")[2:4] == [future, "import os"]
    assert text.count(future) == 1


def test_future_imports_beside_an_authors_own_lines(make_book):
    future = "from __future__ import annotations"
    code = f"# Book\n\n```{{.python .input}}\n{future}  #@save\n```\n"
    book, _ = read_book(make_book({"config.ini": D2L_CONFIG, "index.md": code}))
    mark = "#################   WARNING   ################\n"
    assert make_library(book, "pytorch", f"{future}\nimport os\n{mark}").count(future) == 1
    with pytest.raises(BookError) as error:
        make_library(book, "pytorch", f"import os\n{mark}")
    assert str(error.value) == (
        f"index.md:4: '{future}' has to be the first line of code: "
        "write it at the top of your own lines of the module, too"
    )


def test_a_section_without_a_label_is_named_by_its_path(make_book):
    text = "# A\n\n```{.python .input}\n#@tab all\n#@save\ndef f():\n    return 1\n```\n"
    book, _ = read_book(make_book({"config.ini": D2L_CONFIG, "index.md": "# B\n", "a.md": text}))
    assert '    """Defined in a"""\n    return 1' in make_library(book, "pytorch")


def test_a_syntax_error_in_saved_code_is_told_at_its_line(make_book):
    root = make_book(
        {
            "config.ini": D2L_CONFIG,
            "index.md": D2L + "\n```{.python .input}\n#@save\nx = = 1\n```\n",
        }
    )
    with pytest.raises(BookError) as error:
        read_book(root, checks=[library_faults])
    line = D2L.count("\n") + 4
    assert (
        str(error.value) == f"index.md:{line}: #@save in a cell that is not Python: invalid syntax"
    )


def test_the_release_stands_in_the_version_file(make_book):
    config = "[project]\nrelease = 2.0\n[build]\ntabs = pytorch\n[library]\nversion_file = d2l.py\n"
    module = '"""d2l."""\n__version__ = "1.9"\nx = 1\n'
    root = make_book({"config.ini": config, "index.md": "# Book\n", "d2l.py": module})
    book, _ = read_book(root)
    assert write_libraries(book, check=True) == [root / "d2l.py"]
    write_libraries(book)
    assert (root / "d2l.py").read_text() == module.replace("1.9", "2.0")
    assert write_libraries(book) == []
