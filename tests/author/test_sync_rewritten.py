"""Edits of code that aliases or branches rewrote for a tab, and the question at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import MakeBook

from bookc.__main__ import main

CONFIG = """\
[build]
notebooks = *.md
tabs = pytorch, mxnet

[library-pytorch]
lib_name = torch
simple_alias = ones, tensor
fluent_alias = numpy -> detach().numpy

[library-mxnet]
lib_name = np
simple_alias = ones, tensor -> array
"""
TEXT = """\
# A Title

```{.python .input}
#@tab all
x = d2l.ones(3)
y = d2l.numpy(x)
```

```{.python .input}
%%tab all
def f(x):
    if tab.selected('pytorch'):
        return x + 1
    if tab.selected('mxnet'):
        return x + 2
    return 0
```

```{.python .input}
#@tab mxnet
w = d2l.tensor([1])
```
"""


@pytest.fixture
def root(make_book: MakeBook) -> Path:
    root = make_book({"config.ini": CONFIG, "index.md": TEXT})
    assert main(["build", "notebooks", "--book", str(root)]) == 0
    return root


def edit(root: Path, tab: str, old: str, new: str) -> Path:
    """Change a notebook as an author does in Jupyter."""
    file = root / "_build" / "notebooks" / tab / "index.ipynb"
    notebook = nbformat.read(file, as_version=4)
    cell = next(cell for cell in notebook.cells if old in cell.source)
    cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, file)
    return file


@pytest.mark.parametrize(
    "tab,old,new,source,changed",
    [
        ("pytorch", "torch.ones(3)", "torch.ones(4)", "d2l.ones(3)", "d2l.ones(4)"),
        ("pytorch", "numpy()", "numpy() + 1", "d2l.numpy(x)", "d2l.numpy(x) + 1"),
        ("mxnet", "np.array([1])", "np.array([2])", "d2l.tensor([1])", "d2l.tensor([2])"),
        ("pytorch", "return x + 1", "return x + 9", "return x + 1", "return x + 9"),
        ("mxnet", "return x + 2", "return x + 9", "return x + 2", "return x + 9"),
        ("mxnet", "return 0", "return 9", "return 0", "return 9"),
    ],
)
def test_an_edit_finds_its_place_in_what_was_rewritten(
    root: Path, tab: str, old: str, new: str, source: str, changed: str
) -> None:
    file = edit(root, tab, old, new)
    assert main(["sync", "--book", str(root), "--shared=all", str(file)]) == 0
    assert (root / "index.md").read_text() == TEXT.replace(source, changed)


def test_an_edit_of_what_an_alias_wrote_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = edit(root, "pytorch", "x.detach()", "y.detach()")
    assert main(["sync", "--book", str(root), "--shared=all", str(file)]) == 1
    message = "index.md:6: 'x' is not in the source, which has 'y = d2l.numpy(x)': edit that"
    assert message in capsys.readouterr().err
    assert (root / "index.md").read_text() == TEXT


def test_a_branch_of_one_tab_is_asked_of_nobody(root: Path) -> None:
    file = edit(root, "pytorch", "return x + 1", "return x + 9")
    assert main(["sync", "--book", str(root), str(file)]) == 0
    assert (root / "index.md").read_text() == TEXT.replace("x + 1", "x + 9")


def ask(root: Path, file: Path, answers: str) -> tuple[int, str]:
    """Run `bookc sync` at a terminal and type; its exit status and what it said."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "bookc", "sync", "--book", str(root), str(file)]
    with subprocess.Popen(
        command, stdin=its, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.write(ours, answers.encode())
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(its)
    return process.returncode, said


@pytest.mark.parametrize("answers", ["a\n", "what\na\n"])
def test_at_a_terminal_it_asks_and_changes_for_all(root: Path, answers: str) -> None:
    status, said = ask(root, edit(root, "pytorch", "torch.ones(3)", "torch.ones(4)"), answers)
    assert status == 0
    assert "-x = d2l.ones(3)\n+x = d2l.ones(4)" in said
    assert "mxnet would see it, too." in said
    assert said.count("for [a]ll, for pytorch alone [s], or [q]uit? ") == answers.count("\n")
    assert (root / "index.md").read_text() == TEXT.replace("ones(3)", "ones(4)")


def test_at_a_terminal_it_asks_and_splits(root: Path) -> None:
    status, _ = ask(root, edit(root, "pytorch", "torch.ones(3)", "torch.ones(4)"), "s\n")
    cell = TEXT[TEXT.index("```") : TEXT.index("\n\n```{.python .input}\n%%tab")]
    one = cell.replace("all", "mxnet")
    other = cell.replace("all", "pytorch").replace("ones(3)", "ones(4)")
    assert status == 0
    assert (root / "index.md").read_text() == TEXT.replace(cell, f"{one}\n\n{other}")


def test_at_a_terminal_it_asks_and_leaves_all_as_it_is(root: Path) -> None:
    status, said = ask(root, edit(root, "pytorch", "torch.ones(3)", "torch.ones(4)"), "q\n")
    assert status == 1 and "index.md:5: " in said
    assert (root / "index.md").read_text() == TEXT
