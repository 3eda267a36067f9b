"""Which changes of the library reach which notebooks."""

import pytest

from bookc.notebook.uses import read_library, used_symbols

LIBRARY = {
    "lib": "",
    "lib.torch": "from lib.plot import Animator\nfrom lib.saved import *\n"
    "def try_gpu():\n    return _works('cuda')\ndef _works(name):\n    return bool(name)\n",
    "lib.plot": 'class Animator:\n    """Draws."""\n'
    "    def add(self):\n        return SIZE\nSIZE = 3\n",
    "lib.saved": "HUB = {}\nHUB['a'] = 1\ndef train():\n    return HUB\n",
}
CELLS = ["from lib import torch as d2l", "d2l.Animator().add()\nd2l.try_gpu()", "d2l.train()"]


def uses(**changed: tuple[str, str]) -> dict[str, str]:
    """What CELLS use once `old` is replaced by `new` in some modules."""
    sources = dict(LIBRARY)
    for name, (old, new) in changed.items():
        assert old in sources[f"lib.{name}"]
        sources[f"lib.{name}"] = sources[f"lib.{name}"].replace(old, new)
    return used_symbols(CELLS, read_library(sources))


def changed_by(**changed: tuple[str, str]) -> set[str]:
    before, after = uses(), uses(**changed)
    assert before.keys() == after.keys() == {"d2l.Animator", "d2l.try_gpu", "d2l.train"}
    return {name for name in before if before[name] != after[name]}


def test_a_symbol_depends_on_what_it_names() -> None:
    assert changed_by(torch=("bool(name)", "not name")) == {"d2l.try_gpu"}
    assert changed_by(plot=("SIZE = 3", "SIZE = 4")) == {"d2l.Animator"}
    assert changed_by(saved=("HUB['a'] = 1", "HUB['a'] = 2")) == {"d2l.train"}


def test_a_method_of_an_object_depends_on_its_class_and_on_what_made_it() -> None:
    torch = "from lib.data import Data\ndef batch():\n    return 1\n"
    torch += "data = Data(batch)\nload = data.load\n"
    data = "class Data:\n    def load(self):\n        return 1\n"

    def digest(torch: str, data: str) -> str:
        library = read_library({"lib": "", "lib.torch": torch, "lib.data": data})
        return used_symbols([CELLS[0], "d2l.load()"], library)["d2l.load"]

    first = digest(torch, data)
    assert first != digest(torch.replace("return 1", "return 2"), data)
    assert first != digest(torch, data.replace("return 1", "return 2"))


def test_comments_docstrings_and_blank_lines_change_nothing() -> None:
    assert changed_by(plot=('"""Draws."""', '"""Draws a\n    lot."""')) == set()
    assert changed_by(plot=("SIZE = 3", "\n\nSIZE = (  # pixels\n    3)")) == set()


def test_names_that_the_library_does_not_have_are_no_symbols() -> None:
    assert (
        used_symbols(["from lib import torch as d2l\nd2l.nothing\nx.y"], read_library(LIBRARY))
        == {}
    )


def test_a_name_may_be_imported_alone() -> None:
    cells = ["from lib.torch import train", "train()"]
    assert used_symbols(cells, read_library(LIBRARY)).keys() == {"train"}


def test_a_module_that_does_not_parse_counts_as_empty() -> None:
    assert used_symbols(CELLS, read_library({**LIBRARY, "lib.torch": "def ("})) == {}


def test_what_saved_code_takes_from_the_library_counts() -> None:
    """The module that collects saved code imports the library, which imports it: a circle."""
    library = {
        **LIBRARY,
        "lib.saved": "from lib import torch as d2l\ndef train():\n    return d2l.Animator()\n",
    }
    before = used_symbols(CELLS, read_library(library))
    library["lib.plot"] = library["lib.plot"].replace("SIZE = 3", "SIZE = 4")
    after = used_symbols(CELLS, read_library(library))
    assert before["d2l.train"] != after["d2l.train"]
    assert before["d2l.try_gpu"] == after["d2l.try_gpu"]


DATA = """\
from lib.net import fetch
class Data(Base):
    kind = 1
    def __init__(self, batch):
        self.batch = batch
        self._begin()
    def _begin(self):
        return BEGIN
    def load(self):
        return self._take()
    def _take(self):
        return Data._of(TAKEN)
    def _of(taken):
        return taken
    def download(self):
        return fetch()
BEGIN = TAKEN = 1
class Base:
    size = 1
"""
TORCH = """\
from lib.data import Data
data: Data[int] = Data(1)
load = data.load
download = data.download
whole = data
"""
NET = "def fetch():\n    return 1\n"


@pytest.mark.parametrize(
    ("old", "new", "reached"),
    [
        ("return fetch()", "return fetch(2)", {"download", "whole"}),
        ("return self._take()", "return None", {"load", "whole"}),
        ("Data._of(TAKEN)", "TAKEN", {"load", "whole"}),
        ("return taken", "return 2", {"load", "whole"}),
        ("self.batch = batch", "self.batch = 1", {"load", "download", "whole"}),
        ("return BEGIN", "return 2", {"load", "download", "whole"}),
        ("kind = 1", "kind = 2", {"load", "download", "whole"}),
        ("size = 1", "size = 2", {"load", "download", "whole"}),
        ("Data(1)", "Data(2)", {"load", "download", "whole"}),
        ("def fetch():\n    return 1", "def fetch():\n    return 2", {"download", "whole"}),
        ("Data[int]", "Data[str]", {"whole"}),
        ("load = data.load", "load = data.download", {"load"}),
    ],
)
def test_of_an_object_only_the_methods_that_are_used_count(
    old: str, new: str, reached: set[str]
) -> None:
    def digests(*change: str) -> dict[str, str]:
        sources = {"lib": "", "lib.torch": TORCH, "lib.data": DATA, "lib.net": NET}
        if change:
            assert sum(old in text for text in sources.values()) == 1
            sources = {name: text.replace(*change) for name, text in sources.items()}
        cells = [CELLS[0], "d2l.load, d2l.download, d2l.whole"]
        return used_symbols(cells, read_library(sources))

    before, after = digests(), digests(old, new)
    assert {name.removeprefix("d2l.") for name in before if before[name] != after[name]} == reached
