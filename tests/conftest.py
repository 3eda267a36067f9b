"""What several test files share: small books, and bookc as a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from frameworks import FRAMEWORKS

if TYPE_CHECKING:  # the library's own tests run where there is no browser
    from playwright.sync_api import Browser, Page

TINY = Path(__file__).parent / "books" / "tiny"
CONFIG = """\
[project]
title = A Book

[build]
notebooks = *.md */*.md
tabs = pytorch, mxnet
warning_is_error = true
"""

MakeBook = Callable[..., Path]
Bookc = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need a framework which this environment lacks.

    tools/interpreters.py runs the library's tests where not every framework exists. In
    the project's own environment all do: test_packaging.py says so, and fails otherwise.
    """
    lacking = [
        item
        for item in items
        if any(set(mark.args) - set(FRAMEWORKS) for mark in item.iter_markers("needs"))
    ]
    if lacking:
        config.hook.pytest_deselected(items=lacking)
        items[:] = [item for item in items if item not in lacking]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the tiny book, with its record and without anything that was built."""
    return Path(
        shutil.copytree(TINY, tmp_path / "tiny", ignore=shutil.ignore_patterns("_build", ".*"))
    )


@pytest.fixture
def make_book(tmp_path: Path) -> MakeBook:
    """Write a book from its files' texts; one without config.ini gets a plain one."""

    def make(files: Mapping[str, str]) -> Path:
        for name, text in {"config.ini": CONFIG, **files}.items():
            path = tmp_path / "book" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "book"

    return make


@pytest.fixture
def bookc() -> Bookc:
    """Run the command line in a process of its own, wide enough that no line is folded."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bookc", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


@pytest.fixture
def files_below() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder with its content, to compare before and after."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    from chromium import launch
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # milliseconds; the machine may have other work

    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder to the end of the test; gives its address."""
    from chromium import served

    with contextlib.ExitStack() as servers:
        yield lambda folder: servers.enter_context(served(folder))


@pytest.fixture
def page(browser: Browser, serve: Callable[[Path], str]) -> Iterator[Page]:
    """A new visitor; an error of a script or a breach of the page's policy fails the test.

    It asks for `serve` so that the page is closed before its server is: lazy pictures load for a
    while, and without a server each of them is an error.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert not errors
