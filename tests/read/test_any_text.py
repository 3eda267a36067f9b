"""No text breaks the compiler, and none keeps it busy for long."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from fuzz import TEXTS, compile_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookc.__main__ import main
from bookc.read import prose
from bookc.read.cells import read_chapter
from bookc.read.fences import Runs

SIZE = 200_000  # bytes of an adversarial file


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_any_text_compiles_or_is_an_error(text):
    compile_all(text)


@given(st.lists(st.sampled_from(["```", "````", "`````x", "``` ", "~~~", "x", ""]), max_size=20))
def test_closing_lines_are_those_that_a_search_finds(lines):
    runs = Runs(lines, "`", lambda run, rest: not rest.strip())
    for after in range(len(lines)):
        for length in range(3, 7):
            for search, run in ((runs.first, f"`{{{length},}}"), (runs.first_of, "`" * length)):
                found = (
                    at
                    for at in range(after + 1, len(lines))
                    if re.fullmatch(rf"{run}\s*", lines[at])
                )
                assert search(after, length) == next(found, None)


# Each of these took minutes once, for its time grew with the square of the size.
SQUARES = {
    "unclosed fences": "~~~\n```x\n" * (SIZE // 9),
    "fences of every length": "\n".join("`" * (600 - n) + "a" for n in range(597)),
    "backticks of every length": ":numref: " + " ".join("`" * n for n in range(1, 600)),
    "a run of backticks": ":label:" + "`" * SIZE,
    "brackets": "[**" * (SIZE // 3),
    "blocks": "".join(":begin_tab:`mxnet`\nx\n" for _ in range(SIZE // 22)),
}


@pytest.mark.parametrize("text", SQUARES.values(), ids=SQUARES)
def test_time_does_not_grow_with_the_square(text):
    chapter, _ = read_chapter(text, "page", "page.md", ("pytorch", "mxnet"))
    for cell in chapter.cells:
        if cell.kind == "markdown":
            prose.parse(cell.source)


def book(make_book, data):
    root = make_book({"index.md": "# Book\n"})
    (root / "index.md").write_bytes(data)
    return root


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf# Book\r\n\r\n```{.python .input}\r\n#@tab all\r\nx = 1\r\n```",
        b"# Book\n\n\tx\n\n\x00\n\n```{.python .input}\n#@tab all\nx = '\x00'\n```\n",
        b"# Book\r\rold line ends\r",
        b"",
        b"# " + random.Random(0).randbytes(2000).hex().encode() * 100,
    ],
    ids=["BOM, CRLF, no final newline", "tab and NUL", "CR", "empty", "a long line"],
)
def test_odd_bytes_compile(make_book, data, capsys):
    assert main(["build", "--book", str(book(make_book, data))]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_not_utf_8_is_told_with_its_line(make_book, capsys):
    root = book(make_book, "# Book\n\ncafé\n".encode("latin-1"))
    assert main(["lint", "--book", str(root)]) == 1
    assert capsys.readouterr().err == "index.md:3: not UTF-8: save the file as UTF-8\n1 error\n"


def test_a_name_that_is_not_utf_8_is_told(make_book, capsys):
    root = make_book({"index.md": "# Book\n"})
    Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.md")).write_text("# Bad\n")
    assert main(["build", "notebooks", "--book", str(root)]) == 1
    assert "the file's name is not UTF-8: rename it" in capsys.readouterr().err


def test_what_was_written_is_no_source(make_book):
    config = "[build]\nnotebooks = **/*.md\noutput_dir = out\n"
    root = make_book({"config.ini": config, "index.md": "# Book\n"})
    for _ in range(2):
        assert main(["build", "notebooks", "--book", str(root), "--to", "md:myst"]) == 0
    assert [file.name for file in (root / "out").rglob("*.md")] == ["index.md"]
