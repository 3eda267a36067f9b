"""Records that anybody may have written: what is no output says so in its place."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeBook
from hostile import unexpected

from bookc.__main__ import main
from bookc.notebook.foreign import read_foreign

CONFIG = "[project]\ntitle = B\n[build]\ntabs = python\n"
INDEX = "# Book\n\n```{.python .input}\n1\n```\n\n```{.python .input}\n2\n```\n"
GOOD = {"output_type": "stream", "name": "stdout", "text": "good"}
CELL = {"cell_type": "code", "id": "index-c1", "execution_count": 1, "metadata": {}, "source": "1"}
NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [{**CELL, "outputs": [GOOD]}, {**CELL, "id": "c2", "source": "2", "outputs": [GOOD]}],
}
ODD = [None, 5, 1e999, True, "text", ["a", 5], [], {}, [[]], {"a": {"b": None}}, "\ud800"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
PNG += "ErkJggg=="
PLACES = [
    ("metadata",), ("metadata", "bookc"), ("cells",), ("cells", 0), ("cells", 0, "cell_type"),
    ("cells", 0, "id"), ("cells", 0, "metadata"), ("cells", 0, "source"), ("cells", 0, "outputs"),
    ("cells", 0, "execution_count"), ("cells", 0, "outputs", 0), ("nbformat_minor",),
    ("cells", 0, "outputs", 0, "output_type"), ("cells", 0, "outputs", 0, "text"),
    ("cells", 0, "outputs", 0, "name"), ("nbformat",),
]  # fmt: skip
DISPLAYS = [
    {kind: value}
    for kind in ("text/plain", "text/html", "image/svg+xml", "image/png", "application/json")
    for value in ODD
]


Shown = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shown(make_book: MakeBook, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Build a book with a record; the exit status, what was said, and the page."""
    root = make_book({"config.ini": CONFIG, "index.md": INDEX})

    def build(record: object) -> tuple[int, str, str]:
        file = root / "notebooks" / "python" / "index.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(record if isinstance(record, str) else json.dumps(record))
        page = root / "_build" / "html" / "index.html"
        page.unlink(missing_ok=True)
        status = main(["build", "html", "--book", str(root)])
        text = page.read_text("utf-8") if page.exists() else ""
        assert unexpected(text) == []
        return status, capsys.readouterr().err, text

    return build


def test_whatever_stands_in_a_record_is_an_error_or_a_warning(shown: Shown) -> None:
    for place in PLACES:
        for odd in ODD:
            record = copy.deepcopy(NOTEBOOK)
            inner: Any = record
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = odd
            status, error, page = shown(record)
            if status:
                assert "index.ipynb: " in error and page == ""
            elif place[:2] != ("cells", 0) and place != ("cells",):
                assert "good" in page


def test_whatever_is_displayed(shown: Shown) -> None:
    displays = [{"output_type": "display_data", "data": d, "metadata": {}} for d in DISPLAYS]
    sizes = ["100px", 1e999, -1, None, [], "9" * 400, 10**30, {"a": 1}, True]
    displays += [
        {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {"image/png": one}}
        for one in [*({"width": size, "height": size} for size in sizes), *ODD]
    ]
    record = copy.deepcopy(NOTEBOOK)
    record["cells"][0]["outputs"] = [*displays, GOOD]
    status, error, page = shown(record)
    assert status == 0 and "good" in page and "could not be shown" in page
    assert "index.ipynb: cell 1: an output is not one" in error
    assert page.count('width="1" height="1"') >= len(sizes)


def test_an_old_notebook_has_no_ids(shown: Shown) -> None:
    record = copy.deepcopy(NOTEBOOK)
    record["nbformat_minor"] = 4
    for cell in record["cells"]:
        del cell["id"]
    status, error, page = shown(record)
    assert (status, error) == (0, "") and page.count("good") == 2
    three = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "collapsed": False,
          "input": "1", "metadata": {}, "outputs": [], "prompt_number": 1}]}]}  # fmt: skip
    assert shown(three)[0] == 0


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "5", '{"cells": []}', "[" * 100_000])
def test_what_is_no_notebook_is_an_error(shown: Shown, text: str) -> None:
    status, error, _ = shown(text)
    assert status == 1 and "index.ipynb: not a notebook" in error


def test_half_a_letter_and_control_letters_reach_no_page(shown: Shown) -> None:
    record = copy.deepcopy(NOTEBOOK)
    letters = "a\ud800b \x1b]52;c;cm0=\x07\x1b[1mbold\x1b[0m \x00\x08\x9b31m c"
    record["cells"][0]["outputs"] = [{**GOOD, "text": letters}]
    status, error, page = shown(record)
    assert (status, error) == (0, "")
    assert "bold" in page and "52;" not in page and "[1m" not in page


SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
LARGE = {
    "deep html": {"text/html": "<div>" * 100_000 + "x"},
    "much html": {"text/html": "<table>" + "<tr><td>1</td></tr>" * 200_000 + "</table>"},
    "deep svg": {"image/svg+xml": SVG.format("<g>" * 3000 + "</g>" * 3000)},
    "unclosed": {"text/html": "<b>x" * 50_000},
    "attributes": {"text/html": "<p " + "a=1 " * 200_000 + ">x</p>"},
    "text": {"text/plain": "line\n" * 1_000_000},
    "one line": {"text/plain": "\r" * 2_000_000},
    "escapes": {"text/plain": "\x1b[" * 500_000},
    "strings to a terminal": {"text/plain": "\x1b]" * 300_000},
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_much_is_left_to_the_notebook(shown: Shown, name: str) -> None:
    record = copy.deepcopy(NOTEBOOK)
    display = {"output_type": "display_data", "data": LARGE[name], "metadata": {}}
    record["cells"][0]["outputs"] = [display, GOOD]
    status, _, page = shown(record)
    assert status == 0 and "good" in page
    assert len(page) < 2_500_000


def test_a_pipe_is_no_record(make_book: MakeBook, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_book({"config.ini": CONFIG, "index.md": INDEX, "notebooks/python/x": ""})
    os.mkfifo(root / "notebooks" / "python" / "index.ipynb")
    assert main(["build", "html", "--book", str(root)]) == 1
    assert "notebooks/python/index.ipynb: not a file of the book" in capsys.readouterr().err


def test_the_rest_of_a_record_is_kept() -> None:
    record = copy.deepcopy(NOTEBOOK)
    record["cells"][0]["outputs"] = [None, GOOD]
    node, problems = read_foreign(json.dumps(record), "a.ipynb")
    assert node.cells[0].outputs[1]["text"] == "good" and node.cells[1].id == "c2"
    (problem,) = problems
    assert str(problem).startswith("a.ipynb: cell 1: an output is not one") and problem.warning
