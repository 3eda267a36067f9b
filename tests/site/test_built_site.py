"""The built site as readers and machines meet it: search, privacy, accessibility, weight."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import axe
import pytest
from chromium import served
from playwright.sync_api import Browser, Page, expect
from test_render import png
from weight import weigh

from bookc.problems import BookError
from bookc.run.build import make_build
from bookc.site.write import write_site

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parents[1] / "books" / "tiny"


def build(root: Path, output: Path | None = None) -> Path:
    build = make_build(root, record=True)
    if output is not None:
        config = replace(build.config, output_dir=output)
        build = replace(build, book=replace(build.book, config=config))
    write_site(build)
    return build.config.output_dir / "html"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the tiny book."""
    target = tmp_path_factory.mktemp("web") / "tiny"
    return build(Path(shutil.copytree(TINY, target, ignore=shutil.ignore_patterns("_build"))))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def search(page: Page, words: str) -> list[str]:
    """Type words; the titles of what is found."""
    page.keyboard.press("/")
    expect(page.locator("#bookc-search")).to_be_focused()
    page.keyboard.type(words)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"\d page|Nothing"))
    return page.locator(".search-results b").all_inner_texts()


def test_search_by_section_from_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/part/one_tab.html")
    assert "1.1.1. A Shape" in search(page, "shape")
    expect(page.locator(".search-results mark").first).to_have_text(re.compile("shape", re.I))
    section = page.get_by_role("dialog").get_by_role("link", name="1.1.1. A Shape")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".search-results a").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#bookc-search")).to_be_focused()
    section.click()
    # The section is shown with the word marked, and the address is one to copy.
    expect(page.get_by_role("heading", level=1)).to_have_text("1.1. Cells and Tabs")
    expect(page.locator("article mark").first).to_have_text(re.compile("shape", re.I))
    assert page.url == f"{address}/part/cells.html#subsec_shape"


def test_search_finds_code_and_formulas(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    assert "1.1. Cells and Tabs" in search(page, "channels")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    page.locator("#bookc-search").fill("a2 + b2")
    expect(page.locator(".search-results b").first).to_have_text("1.1. Cells and Tabs")


def test_search_in_one_framework(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    assert "1.2. Only One Tab" in search(page, "only")
    page.get_by_label("Framework", exact=True).select_option("PyTorch")
    expect(page.locator(".search-results b").first).to_have_text("1.1. Cells and Tabs")
    assert "1.2. Only One Tab" not in page.locator(".search-results b").all_inner_texts()
    page.get_by_label("Framework", exact=True).select_option("MXNet")
    page.get_by_role("dialog").get_by_role("link", name="Only One Tab").first.click()
    expect(page).to_have_url(re.compile(r"one_tab\.html\?tab=mxnet"))


def test_nothing_found(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    page.get_by_role("button", name="Search").click()
    page.keyboard.type("zyzzyva")
    expect(page.get_by_role("status")).to_have_text("Nothing found for “zyzzyva”")
    # What is typed into a field is no command.
    page.keyboard.type("/")
    expect(page.locator("#bookc-search")).to_have_value("zyzzyva/")


def test_search_from_the_disk_says_what_it_needs(browser: Browser, folder: Path) -> None:
    page = browser.new_page()  # the browser reports the refused file as an error: rightly
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("/")
    expect(page.get_by_role("status")).to_contain_text("Search needs a web server")
    page.close()


def test_the_index_is_made_again_only_for_new_pages(tiny: Path) -> None:
    folder = build(tiny)
    entry = folder / "pagefind" / "pagefind-entry.json"
    first = entry.read_bytes()
    stamp = tiny / "_build" / "stamps" / "search.json"
    written = stamp.stat().st_mtime_ns, entry.stat().st_mtime_ns
    build(tiny)
    assert (stamp.stat().st_mtime_ns, entry.stat().st_mtime_ns) == written
    entry.write_bytes(b"{}")
    build(tiny)
    assert entry.read_bytes() != b"{}"  # nor is it left as somebody else made it
    chapter = tiny / "part" / "cells.md"
    chapter.write_text(chapter.read_text() + "\nA new word: floccinaucinihilipilification.\n")
    build(tiny)
    assert b"page_count" in entry.read_bytes() and entry.read_bytes() != first
    assert len(list(folder.glob("pagefind/*.pf_meta"))) == 1


def test_the_same_book_gives_the_same_site(
    tiny: Path, files_below: Callable[[Path], dict[str, bytes]]
) -> None:
    built = []
    for _ in range(4):  # three tabs have six orders
        shutil.rmtree(tiny / "_build", ignore_errors=True)
        built.append(files_below(build(tiny)))
    assert any(name.endswith(".pf_filter") for name in built[0])
    assert built[1:] == built[:1] * 3


def test_without_pagefind_the_error_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGEFIND_BINARY_PATH", str(shutil.which("false")))
    with pytest.raises(BookError, match=r"search index cannot be made: .*pip install 'pagefind"):
        build(tiny)


def test_every_page_keeps_to_its_site(page: Page, address: str, folder: Path) -> None:
    """No request leaves the origin, nor the path below which the site is served."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    missing: list[str] = []
    page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
    for file in sorted(folder.rglob("*.html")):
        page.goto(f"{address}/{file.relative_to(folder).as_posix()}")
        page.evaluate("document.querySelectorAll('img').forEach((i) => i.scrollIntoView())")
        search(page, "shape")
        page.wait_for_load_state("networkidle")
    assert any("pf_index" in url for url in asked)
    assert [url for url in asked if not url.startswith(f"{address}/")] == []
    assert missing == []


def test_axe_finds_nothing_in_the_tiny_book(browser: Browser, address: str, folder: Path) -> None:
    names = axe.page_names(folder)
    found = [f for view in axe.VIEWS for f in axe.findings(browser, address, names, view)]
    assert found == []


def test_axe_finds_nothing_in_the_book(browser: Browser, tmp_path: Path) -> None:
    """Each page in one view, the views in turn; tools/axe.py looks at all of them."""
    folder = build(ROOT, tmp_path)
    names = axe.page_names(folder)
    assert len(names) > 15
    with served(folder) as address:
        found = [
            line
            for number, view in enumerate(axe.VIEWS)
            for line in axe.findings(browser, address, names[number :: len(axe.VIEWS)], view)
        ]
    assert found == []


def test_axe_finds_nothing_in_the_search(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    search(page, "shape")
    page.evaluate(axe.Axe().axe_script)
    broken = page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))")
    assert broken == []


def test_what_scrolls_can_be_reached_from_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    wide = page.locator("pre:visible").first
    expect(wide).not_to_have_attribute("tabindex", "0")
    page.set_viewport_size({"width": 200, "height": 800})
    expect(wide).to_have_attribute("tabindex", "0")


def test_pictures_keep_their_place_and_wait(
    page: Page, tiny: Path, serve: Callable[[Path], str]
) -> None:
    """The authors' pictures, too: their sizes come from the files."""
    (tiny / "img" / "photo.png").write_bytes(base64.b64decode(png(70, 30)))
    index = tiny / "index.md"
    index.write_text(index.read_text() + "\n\n![A dot.](img/dot.svg)\n\nAn ![x](img/photo.png).\n")
    folder = build(tiny)
    address = serve(folder)
    for name in axe.page_names(folder):
        page.goto(f"{address}/{name}")
        page.evaluate("""Promise.all([...document.images].map((image) => {
          image.loading = "eager";
          return image.decode();  // waits until it is there
        }))""")
        sizes = page.evaluate("""[...document.images].map((i) => [
          i.getAttribute("width") / i.getAttribute("height"),
          i.naturalWidth / i.naturalHeight,
        ])""")
        assert all(abs(given / real - 1) < 0.05 for given, real in sizes), name
    page.goto(f"{address}/index.html")
    photo = page.locator("img[src='img/photo.png']")
    assert [photo.get_attribute(n) for n in ("width", "height", "loading")] == [
        "70",
        "30",
        "lazy",
    ]


def test_a_page_weighs_little_and_moves_nothing(
    browser: Browser, folder: Path, address: str
) -> None:
    for name in axe.page_names(folder):
        size, shift, blocking = weigh(browser, folder, address, name)
        assert size < 250_000 and shift < 0.001 and blocking == 0, name


def test_focus_is_visible(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    for _ in range(25):
        page.keyboard.press("Tab")
        style = page.evaluate("""(() => {
          const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
          return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
        })()""")
        assert style[0] == "BODY" or (style[1] != "none" and style[2] >= 2), style


def test_nothing_moves_for_those_who_want_no_motion(browser: Browser, address: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{address}/part/cells.html")
    moving = page.evaluate("""[...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      return transitionDuration !== "0s" || animationName !== "none" || scrollBehavior === "smooth";
    }).length""")
    assert moving == 0
    page.close()
