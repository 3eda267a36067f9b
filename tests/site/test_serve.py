"""`bookc serve`: what an author saves is what an open page shows."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import MakeBook
from playwright.sync_api import Page, expect

from bookc.site.live import LiveSite

BOOK = {
    "index.md": "# Book\n\n```toc\n:numbered:\none\ntwo\nthree\n```\n",
    "one.md": "# One\n:label:`sec_one`\n\nThe first words.\n" + "\nMore to scroll past.\n" * 60,
    "two.md": "# Two\n\nAfter :numref:`sec_one`.\n",
    "three.md": "# Three\n\nNames nothing.\n",
}
WORDS = "The first words."


@pytest.fixture
def book(make_book: MakeBook) -> Path:
    return make_book(BOOK)


@pytest.fixture
def server(book: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bookc", "serve", "--port", "0", "--book", str(book)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.terminate()  # as Ctrl-C, which a script in the background would not hear
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 130


@pytest.fixture  # asked for before the page: the page is closed before the server is gone
def address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    found = re.match(r"(http://\S+/) \(Ctrl-C stops it\)", server.stdout.readline())
    assert found is not None
    return found[1]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_page_shows_what_is_saved_and_stays_where_it_was(
    address: str, page: Page, book: Path
) -> None:
    page.goto(f"{address}one.html?tab=mxnet")
    page.evaluate("scrollTo(0, 400)")
    edit(book / "one.md", WORDS, "Other words.")
    expect(page.get_by_text("Other words.")).to_have_count(1)
    # Not page.wait_for_function: looking a second time, it breaks the page's policy.
    deadline = time.monotonic() + 20
    while page.evaluate("scrollY") != 400:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    assert page.locator("html").get_attribute("data-tab") == "mxnet"
    # What was saved elsewhere is there when one goes there.
    edit(book / "three.md", "Names nothing.", "Names little.")
    page.wait_for_timeout(500)
    page.goto(f"{address}three.html")
    expect(page.get_by_text("Names little.")).to_be_visible()


def test_a_change_that_others_show_is_shown_by_them(address: str, page: Page, book: Path) -> None:
    page.goto(f"{address}two.html")
    expect(page.get_by_role("article")).to_contain_text("After Section 1.")
    edit(book / "index.md", "one\ntwo", "two\none")
    expect(page.get_by_role("article")).to_contain_text("After Section 2.")


def test_an_open_page_shows_what_is_wrong(address: str, page: Page, book: Path) -> None:
    page.goto(f"{address}two.html")
    edit(book / "one.md", "sec_one", "sec_other")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("two.md:3: no label 'sec_one': did you mean 'sec_other'?")
    expect(page.get_by_role("article")).to_contain_text("After Section 1.")
    edit(book / "one.md", "sec_other", "sec_one")
    expect(alert).to_be_hidden()


def test_a_fault_that_a_book_allows_is_told_and_shown(
    address: str, page: Page, book: Path, server: subprocess.Popen[str]
) -> None:
    assert server.stdout is not None
    page.goto(f"{address}two.html")
    edit(book / "config.ini", "warning_is_error = true", "warning_is_error = false")
    assert server.stdout.readline() == "written: the book\n"
    edit(book / "one.md", "sec_one", "sec_other")
    expect(page.locator(".unresolved")).to_have_text("sec_one")
    told = [server.stdout.readline() for _ in range(2)]
    assert told == [
        "written: the book\n",
        "two.md:3: no label 'sec_one': did you mean 'sec_other'?\n",
    ]


def test_search_finds_what_was_saved(address: str, page: Page, book: Path) -> None:
    page.goto(f"{address}one.html")
    edit(book / "one.md", WORDS, "Xylophones.")
    expect(page.get_by_text("Xylophones.")).to_be_visible()
    folder = book / "_build" / "html" / "pagefind"
    before = set(folder.glob("index/*"))
    deadline = time.monotonic() + 60
    while set(folder.glob("index/*")) == before and time.monotonic() < deadline:
        page.wait_for_timeout(200)  # the index comes after the page
    page.wait_for_timeout(500)
    page.keyboard.press("/")
    page.keyboard.type("xylophones")
    expect(page.locator(".search-results a").first).to_contain_text("One")


def test_what_is_not_there(address: str, book: Path) -> None:
    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address + path) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    status, text = get("no/such.html")
    assert status == 404 and "There is no page at this address." in text
    assert get("../config.ini")[0] == get("..%2f..%2fconfig.ini")[0] == 404
    # What is served is the written page and one script more.
    status, text = get("one.html")
    written = (book / "_build" / "html" / "one.html").read_text()
    script = re.compile(r'<script src="/_bookc/live.js" data-heard="\d+" defer></script>\n')
    assert script.sub("", text) == written != text


def test_only_what_a_change_reaches_is_written(
    book: Path, files_below: Callable[[Path], dict[str, bytes]]
) -> None:
    site, folder = LiveSite(book), book / "_build" / "html"
    assert site.write() == 4
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("*.html")}

    def rewritten() -> set[str]:
        now = {file: file.stat().st_mtime_ns for file in folder.rglob("*.html")}
        changed = {file.name for file in times.keys() | now if times.get(file) != now.get(file)}
        times.update(now)
        return changed

    assert site.write_edited() == [] and rewritten() == set()
    edit(book / "one.md", WORDS, "Other words.")
    assert site.write_edited() == ["one.html"] and rewritten() == {"one.html"}
    # A label of another name: the pages that link to it, by its name.
    for file in ("one.md", "two.md"):
        edit(book / file, "sec_one", "sec_first")
    assert site.write_edited() is None
    site.write()
    assert rewritten() == {"one.html", "two.html"}
    edit(book / "three.md", "# Three", "# Tree")
    assert site.write_edited() is None
    site.write()
    assert rewritten() == {f"{name}.html" for name in ("404", "index", "one", "two", "three")}
    # In the end the site is what it would have been had it been written at once.
    after = files_below(folder)
    LiveSite(book).write()
    assert files_below(folder) == after
