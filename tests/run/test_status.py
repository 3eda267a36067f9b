"""Which edits make which notebooks stale, and what `bookc status` says of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import MakeBook

from bookc.__main__ import main
from bookc.notebook.file import notebook_text
from bookc.run.build import make_build
from bookc.run.environments import framework_version
from bookc.run.status import statuses

CONFIG = """\
[project]
title = B
[build]
tabs = pytorch, mxnet
[bookc]
library = lib
frameworks = pytorch, nbclient, nbclient
"""
A = """\
# A

Words.

```{.python .input}
#@tab pytorch
from lib import torch as d2l
```

```{.python .input}
#@tab mxnet
from lib import mxnet as d2l
```

```{.python .input}
#@tab all
n = 2  #@quick 1
d2l.train(n)
```
"""
B = "# B\n\n```{.python .input}\n#@tab all\nb = 1  # one\n```\n"
FACE = "from lib.meter import Timer\nfrom lib.saved import train\n"
BOOK = {
    "config.ini": CONFIG,
    "index.md": "# Book\n\n```toc\na\nb\n```\n",
    "a.md": A,
    "b.md": B,
    "lib/__init__.py": "",
    "lib/torch.py": FACE,
    "lib/mxnet.py": FACE,
    "lib/meter.py": "class Timer:\n    def stop(self):\n        return 1\n",
    "lib/saved.py": "from lib.rate import rate\ndef train(n):\n    return rate(n)\n",
    "lib/rate.py": "def rate(n):\n    return n\ndef other(n):\n    return n\n",
}
ALL_A = {"pytorch a", "mxnet a"}
# what is edited: file, old, new; the notebooks that are stale then; what is said of them
EDITS: dict[str, tuple[str, str, str, set[str], str]] = {
    "nothing": ("a.md", "n = 2", "n = 2", set(), ""),
    "prose": ("a.md", "Words.", "Other words.\n\nMore.", set(), ""),
    "a comment": ("b.md", "# one", "# two", set(), ""),
    "blanks": ("a.md", "d2l.train(n)", "d2l.train( n )\n", set(), ""),
    "a quick value": ("a.md", "#@quick 1", "#@quick 2", set(), ""),
    "a title": ("b.md", "# B", "# Other", set(), ""),
    "a tag": ("b.md", "#@tab all", "#@tab all\n#@tags hide", set(), ""),
    "code": ("a.md", "n = 2", "n = 3", ALL_A, "cell 2 changed at a.md:17"),
    "code of one framework": (
        "a.md", "import mxnet as d2l", "import mxnet as d2l, meter", {"mxnet a"},
        "cell 1 changed at a.md:12",
    ),
    "a new cell": (
        "b.md", "# B\n", "# B\n\n```{.python .input}\n#@tab all\n1\n```\n",
        {"pytorch b", "mxnet b"}, "cell 1 changed at b.md:5",
    ),
    "a function that is used": (
        "lib/saved.py", "rate(n)", "rate(n) + 1", ALL_A, "lib.saved.train changed",
    ),
    "one that it uses": (
        "lib/rate.py", "def rate(n):\n    return n", "def rate(n):\n    return -n", ALL_A,
        "lib.saved.train changed",
    ),
    "one that nobody uses": (
        "lib/rate.py", "def other(n):\n    return n", "def other(n):\n    return -n", set(), ""
    ),
    "a class that nobody uses": ("lib/meter.py", "return 1", "return 2", set(), ""),
    "a docstring": ("lib/saved.py", "(n):\n", '(n):\n    """Trains."""\n', set(), ""),
    "the face of one framework": (
        "lib/mxnet.py", "lib.saved import train", "lib.rate import rate as train", {"mxnet a"},
        "lib.rate.rate changed",
    ),
}  # fmt: skip


@pytest.fixture
def recorded(make_book: MakeBook) -> Path:
    """A book with a record of its notebooks, as if they had been executed."""
    root = make_book(BOOK)
    build = make_build(root)
    for (tab, path), notebook in build.notebooks.items():
        about = notebook.metadata["bookc"]
        about["versions"], about["seconds"] = framework_version(build.config, tab), 1.5
        file = root / "notebooks" / tab / f"{path}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(notebook_text(notebook))
    return root


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_makes_stale_what_it_changes_and_nothing_else(recorded: Path, name: str) -> None:
    file, old, new, stale, reason = EDITS[name]
    text = (recorded / file).read_text()
    assert old in text
    (recorded / file).write_text(text.replace(old, new))
    found = {" ".join(one.section): one.reasons for one in statuses(make_build(recorded))}
    assert found.keys() == {"pytorch a", "mxnet a", "pytorch b", "mxnet b"}
    assert {section for section, reasons in found.items() if reasons} == stale
    assert {reasons for reasons in found.values() if reasons} == ({(reason,)} if reason else set())


def test_other_versions_and_no_record_are_reasons(recorded: Path) -> None:
    record = recorded / "notebooks" / "pytorch" / "a.ipynb"
    version = framework_version(make_build(recorded).config, "pytorch")["nbclient"]
    record.write_text(record.read_text().replace(f'"nbclient": "{version}"', '"nbclient": "0.1"'))
    (recorded / "notebooks" / "mxnet" / "b.ipynb").unlink()
    (recorded / "notebooks" / "mxnet" / "a.ipynb").write_text("{")
    found = {" ".join(one.section): one.reasons for one in statuses(make_build(recorded))}
    assert found["pytorch a"] == (f"nbclient 0.1 -> {version}",)
    assert found["mxnet b"] == ("never run",)
    assert found["mxnet a"][0].startswith("not a notebook")
    assert found["pytorch b"] == ()


def test_the_table(
    recorded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown: Callable[[], str] = lambda: capsys.readouterr().out  # noqa: E731
    assert main(["status", "--book", str(recorded)]) == 0
    text = shown()
    assert text.count("fresh") == 4 and "1.5 s" in text and "4 notebooks, 0 stale" in text
    (recorded / "a.md").write_text(A.replace("n = 2", "n = 3"))
    assert main(["status", "--book", str(recorded), "--tab", "mxnet", "a"]) == 1
    text = shown()
    assert "cell 2 changed at a.md:17" in text and "1 notebooks, 1 stale: bookc execute" in text


@pytest.mark.parametrize("seconds", ["Infinity", "-1e999", "NaN", "-3", '"3"', "[1]", "true"])
@pytest.mark.parametrize("place", ["record", "history"])
def test_odd_times_are_no_times(make_book, place, seconds):
    page = "# Page\n\n```{.python .input}\n1\n```\n"
    about = f'{{"seconds": {seconds}, "memory": {seconds}, "device": [1], "failed": 0}}'
    record = (
        f'{{"cells": [], "metadata": {{"bookc": {about}}}, "nbformat": 4, "nbformat_minor": 5}}'
    )
    files = {"config.ini": "[build]\nnotebooks = *.md\ntabs = t\n", "index.md": page}
    if place == "record":
        files["notebooks/t/index.ipynb"] = record
    else:
        files["_build/stamps/runs"] = f'{{"t": {{"index": {about}}}}}'
    command = [sys.executable, "-m", "bookc", "status", "--book", make_book(files)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "")
    assert "1 notebooks, 1 stale" in run.stdout and "inf" not in run.stdout
