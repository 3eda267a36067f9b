"""What pages tell machines, with and without an address; dates from Git; the page for no page."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from chromium import launch, served
from conftest import MakeBook
from playwright.sync_api import expect, sync_playwright
from test_render import png

from bookc.book import Recorded
from bookc.problems import BookError
from bookc.run.build import read_build
from bookc.site.dates import last_changes
from bookc.site.metadata import authors
from bookc.site.write import write_site

CONFIG = """[project]
title = A Book
author = Ada Lovelace, and Charles Babbage
copyright = 2026, the authors
[build]
notebooks = *.md */*.md
tabs = pytorch
[bookc]
site_url = https://example.org/html/
license_url = https://creativecommons.org/licenses/by-sa/4.0/
"""
BOOK = {
    "index.md": "# A Book\n\n```toc\npart/one\n```",
    "part/one.md": "# One\n\nThe *first* of $n$.\n\n```{.python .input}\n1\n```\n",
}
PICTURE = {"output_type": "display_data", "data": {"image/png": png(3, 2)}, "metadata": {}}


def build(root: Path) -> Path:
    recorded = {("pytorch", "part__one-c1"): Recorded((PICTURE,), stale=False)}
    write_site(replace(read_build(root), recorded=recorded))
    return root / "_build" / "html"


def meta(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, content in re.findall(r'<meta (?:name|property)="([^"]*)" content="([^"]*)">', page):
        found.setdefault(name, []).append(content)
    return found


def commit(root: Path, date: str) -> None:
    clock = {"GIT_COMMITTER_DATE": f"{date}T12:00:00Z", "GIT_AUTHOR_DATE": f"{date}T12:00:00Z"}
    names = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *names, *command], cwd=root, check=True, env=clock)


def test_what_a_page_says_of_itself(make_book: MakeBook) -> None:
    folder = build(make_book({"config.ini": CONFIG, **BOOK}))
    page = (folder / "part" / "one.html").read_text()
    said = meta(page)
    url = "https://example.org/html/part/one.html"
    assert said["description"] == said["og:description"] == ["The first of n."]
    assert said["og:title"] == said["citation_title"] == ["One"]
    assert said["og:type"] == ["article"]
    assert said["og:url"] == said["citation_public_url"] == [url]
    (picture,) = said["og:image"]
    assert (folder / picture.removeprefix("https://example.org/html/")).read_bytes()[1:4] == b"PNG"
    assert said["citation_author"] == ["Ada Lovelace", "Charles Babbage"]
    assert said["citation_publication_date"] == ["2026"]
    assert f'<link rel="canonical" href="{url}">' in page
    licence = "https://creativecommons.org/licenses/by-sa/4.0/"
    assert f'<a rel="license" href="{licence}">Licence</a>' in page
    assert 'canonical" href="https://example.org/html/">' in (folder / "index.html").read_text()


def test_without_an_address_nothing_claims_one(make_book: MakeBook) -> None:
    config = CONFIG.replace("site_url = https://example.org/html/\n", "")
    folder = build(make_book({"config.ini": config, **BOOK}))
    page = (folder / "part" / "one.html").read_text()
    assert not {"og:url", "og:image", "citation_public_url"} & set(meta(page))
    assert "canonical" not in page
    assert not list(folder.glob("*.xml")) and not list(folder.glob("robots.txt"))


def test_the_map_of_the_site(make_book: MakeBook) -> None:
    root = make_book({"config.ini": CONFIG, **BOOK})
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root, "2026-01-02")
    folder = build(root)
    rows = [
        [cell.text for cell in url] for url in ElementTree.parse(folder / "sitemap.xml").getroot()
    ]
    assert rows == [
        ["https://example.org/html/", "2026-01-02"],
        ["https://example.org/html/part/one.html", "2026-01-02"],
    ]
    assert not (folder / "robots.txt").exists()  # robots look for it at the top of a host
    (root / "config.ini").write_text(CONFIG.replace("example.org/html/", "example.org"))
    build(root)
    assert "Sitemap: https://example.org/sitemap.xml\n" in (folder / "robots.txt").read_text()


def test_the_last_change_of_each_chapter(make_book: MakeBook) -> None:
    root = make_book({"config.ini": CONFIG, **BOOK, ".gitignore": "_build\n"})
    assert "Last changed" not in (build(root) / "index.html").read_text()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root, "2026-01-02")
    (root / "part" / "one.md").write_text(BOOK["part/one.md"] + "\nMore.\n")
    (root / "part" / "é \n.txt").write_text("an awkward name")
    commit(root, "2026-03-04")
    folder = build(root)
    date = '<time datetime="{}">'
    assert date.format("2026-01-02") in (folder / "index.html").read_text()
    assert date.format("2026-03-04") in (folder / "part" / "one.html").read_text()
    # Known from the last build, as long as the commit is the same; a cut history knows nothing.
    cache = root / "_build" / "stamps" / "changes.json"
    cache.write_text(cache.read_text().replace("2026-03-04", "1999-09-09"))
    book = read_build(root).book
    assert last_changes(book)["part/one.md"] == "1999-09-09"
    commit_again = root / "part" / "two.txt"
    commit_again.write_text("")
    commit(root, "2026-05-06")
    assert last_changes(book)["part/one.md"] == "2026-03-04"
    shallow = root.parent / "shallow"
    clone = ["git", "clone", "-q", "--depth", "1", root.as_uri(), str(shallow)]
    subprocess.run(clone, check=True)
    assert last_changes(read_build(shallow).book) == {}


def test_the_page_for_no_page_works_at_any_address(make_book: MakeBook) -> None:
    folder = build(make_book({"config.ini": CONFIG, **BOOK}))
    missing = (folder / "404.html").read_text()
    assert "404.html" not in (folder / "sitemap.xml").read_text()
    with sync_playwright() as playwright, served(folder) as address:
        page = launch(playwright).new_page()
        failed: list[str] = []
        page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
        deep = f"{address}/no/such/page.html"
        page.route(
            deep, lambda route: route.fulfill(status=200, body=missing, content_type="text/html")
        )
        page.goto(deep)
        expect(page.get_by_role("heading", level=1)).to_have_text("Page Not Found")
        page.get_by_role("navigation", name="Contents").get_by_role("link", name="One").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("One")
        assert failed == []


def test_an_icon_of_the_book_itself(make_book: MakeBook) -> None:
    config = CONFIG + "[html]\nfavicon = img/icon.png\nhtml_logo = nowhere.png\n"
    root = make_book({"config.ini": config, **BOOK, "img/icon.png": "icon"})
    folder = build(root)
    assert '<link rel="icon" href="../img/icon.png">' in (folder / "part" / "one.html").read_text()
    assert (folder / "img" / "icon.png").read_text() == "icon"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[bookc]\nsite_url = example.org", "site_url = example.org: want an address such as"),
        (
            "[html]\nfavicon = ../icon.png",
            "favicon = ../icon.png: want a file in the book's folder",
        ),
    ],
)
def test_bad_values(make_book: MakeBook, line: str, message: str) -> None:
    root = make_book({"config.ini": f"[build]\ntabs = pytorch\n{line}\n", **BOOK})
    with pytest.raises(BookError, match=re.escape(f"config.ini:4: {message}")):
        read_build(root)


def test_names_of_authors() -> None:
    assert authors("A B, C. D., and E F") == ["A B", "C. D.", "E F"]
    assert authors("A Anderson and B") == ["A Anderson", "B"]
    assert authors("The contributors") == ["The contributors"]
