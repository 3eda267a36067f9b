"""#@save -> the module that the next chapters import."""

import ast
import importlib
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


def book_of(make_book, *cells, keys=""):
    """A book of one page, with `keys` in the section of its tab."""
    config = "[build]\nnotebooks = *.md\ntabs = pytorch\n[library-pytorch]\nlib_file = saved.py\n"
    code = "\n".join(f"```{{.python .input}}\n{cell}\n```\n" for cell in cells)
    return make_book({"config.ini": config + keys, "index.md": f"# Book\n\n{code}"})


def library_of(make_book, *cells, keys=""):
    """The module that cells are saved to: its text, and what is imported."""
    book, _ = read_book(book_of(make_book, *cells, keys=keys))
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


HELPERS = "lib_helpers = helpers\n"
PLAIN = "[bookc]\nsections_in_docstrings = false\n"
KIT = {  # a library that takes its saved code from what `bookc build lib` writes
    "kit/__init__.py": "",
    "kit/torch.py": "from kit.helpers.torch import *\nfrom saved import *\n",
    "kit/helpers/__init__.py": "",
    "kit/helpers/torch.py": "def shown(x):\n    return f'<{x}>'\n",
}
FROM_THE_LIBRARY = """\
#@save
import os
from kit import torch as d2l

#@save
LIMIT = 3

#@save
def area(r, limit=d2l.LIMIT):
    return r * d2l.LIMIT

#@save
def show(r):
    return d2l.shown(d2l.area(r))"""
FROM_THE_HELPERS = """\
import os
from kit.helpers import torch as d2l

__all__ = [
    "LIMIT",
    "area",
    "show",
]


# index
LIMIT = 3


# index
def area(r, limit=LIMIT):
    return r * LIMIT


# index
def show(r):
    return d2l.shown(area(r))
"""


def test_a_library_may_import_what_is_saved(make_book, monkeypatch):
    root = book_of(make_book, FROM_THE_LIBRARY, keys=f"lib_helpers = kit.helpers.torch\n{PLAIN}")
    for name, text in KIT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    book, _ = read_book(root)
    write_libraries(book)
    assert (root / "saved.py").read_text().endswith(FROM_THE_HELPERS)
    monkeypatch.syspath_prepend(root)
    try:
        assert importlib.import_module("saved").show(2) == "<6>"
        assert "kit.torch" not in sys.modules
        assert importlib.import_module("kit.torch").show(2) == "<6>"
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in ("kit", "saved")]:
            del sys.modules[name]


def test_without_the_key_saved_code_imports_what_the_chapter_does(make_book):
    book, _ = read_book(book_of(make_book, FROM_THE_LIBRARY))
    text = make_library(book, "pytorch")
    assert "from kit import torch as d2l" in text and "d2l.shown(d2l.area(r))" in text


@pytest.mark.parametrize(
    "saved,expected",
    [
        ("import d2l", "import helpers as d2l"),
        ("import kit.torch as d2l, os", "import helpers as d2l\nimport os"),
        ("from kit import x, torch as d2l", "import helpers as d2l\nfrom kit import x"),
        ("import os; from kit import torch as d2l", "import os\nimport helpers as d2l"),
        ("from kit import (\n    torch as d2l,\n)", "import helpers as d2l"),
        ("from kit import torch as d2l\nx = d2l.y", "# index\nimport helpers as d2l\nx = d2l.y"),
        ("def f():\n    from kit import d2l\n", "def f():\n    import helpers as d2l"),
        ("def f():\n    return d2l.x", 'import helpers as d2l\n\n__all__ = [\n    "f",\n]'),
        ("from __future__ import annotations\nf = d2l", "annotations\nimport helpers as d2l"),
    ],
)
def test_the_helpers_are_imported_instead(make_book, saved, expected):
    cell = f"#@save\n{saved}"
    book, _ = read_book(book_of(make_book, cell, keys=HELPERS + PLAIN))
    text = make_library(book, "pytorch")
    assert expected in text
    assert text.count("import helpers as d2l") == 1 and "torch" not in text
    assert "sys" not in text


@pytest.fixture
def helpers(monkeypatch):
    monkeypatch.setitem(sys.modules, "helpers", types.ModuleType("helpers"))


def test_saved_names_are_bare_where_they_mean_the_same(make_book, helpers):
    cells = [
        ADD_TO_CLASS,
        "def f(n=1):  #@save\n    return n if n < 2 else d2l.f(n - 1)",
        "class A:  #@save\n    def f(self):\n        return d2l.f()",
        "@d2l.add_to_class(A)  #@save\ndef g(self, a: d2l.A, n=d2l.f()):\n    return d2l.f(n)",
        "class B(d2l.A):  #@save\n    h = [d2l.f(n) for n in (d2l.f(), 2)]",
        "#@save\ndef k(f):\n    return lambda: d2l.A.f(f)",
        "#@save\ndef é(): return 'é' + str(d2l.f())",
    ]
    text, module = library_of(make_book, *cells, keys=HELPERS)
    assert "d2l." not in text
    b = module.B()
    assert (module.f(3), b.f(), b.g(b), b.h, module.k(b)(), module.é()) == (
        1,
        1,
        1,
        [1, 1],
        1,
        "é1",
    )


@pytest.mark.parametrize(
    "code",
    [
        "def g(f):\n    return d2l.f(f)",
        "def g(f):\n    return lambda: d2l.f()",
        "def g():\n    for f in (1, 2):\n        d2l.f()",
        "g = [d2l.f() for f in (1, 2)]",
        "def g():\n    import f\n    return d2l.f",
        "class G:\n    def f(self): pass\n    g = d2l.f()",
        "def g():\n    d2l.f = 1",
        "def g():\n    d2l.f()\n    global f\n    f = 1",
    ],
)
def test_a_saved_name_that_something_else_has_is_an_error(make_book, code):
    cells = ["def f(): return 1  #@save", f"#@save\n{code}"]
    book, _ = read_book(book_of(make_book, *cells, keys=HELPERS))
    assert [str(problem) for problem in library_faults(book)] == [
        "index.md:8: 'd2l.f' is 'f' in the module of saved code, and something else has that name "
        "here: give it another one"
    ]
    book, _ = read_book(book_of(make_book, *cells))
    assert library_faults(book) == []  # without the key nothing is renamed


def test_the_release_stands_in_the_version_file(make_book):
    config = "[project]\nrelease = 2.0\n[build]\ntabs = pytorch\n[library]\nversion_file = d2l.py\n"
    module = '"""d2l."""\n__version__ = "1.9"\nx = 1\n'
    root = make_book({"config.ini": config, "index.md": "# Book\n", "d2l.py": module})
    book, _ = read_book(root)
    assert write_libraries(book, check=True) == [root / "d2l.py"]
    write_libraries(book)
    assert (root / "d2l.py").read_text() == module.replace("1.9", "2.0")
    assert write_libraries(book) == []
