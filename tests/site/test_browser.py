"""The built book in Chromium: tabs by mouse, keyboard, address and memory; nothing from outside."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import served
from playwright.sync_api import Browser, Page, expect

from bookc.run.build import make_build
from bookc.site.write import write_site

BOOK = Path(__file__).parents[1] / "books" / "tiny"
LONG = "\n\n".join(f"Paragraph {n}. " + "Words to scroll past. " * 30 for n in range(12))
CELL = "```{{.python .input}}\n#@tab {tab}\n{code}\n```\n"
LINES = "\n".join(f"x{n} = {n}" for n in range(30))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site of the tiny book, with one more page that is long enough to scroll."""
    root = Path(
        shutil.copytree(
            BOOK, tmp_path_factory.mktemp("site") / "tiny", ignore=shutil.ignore_patterns("_build")
        )
    )
    index = root / "part" / "index.md"
    index.write_text(index.read_text().replace("one_tab", "one_tab\nlong"))
    cells = [("pytorch", "a = 1"), ("tensorflow", LINES), ("mxnet", LINES + "\n" + LINES)]
    group = "\n".join(CELL.format(tab=tab, code=code) for tab, code in cells)
    only = CELL.format(tab="pytorch", code="only = 'here'")
    prose = ":begin_tab:`mxnet`\nFor MXNet only.\n:end_tab:"
    wide = "$" + " + ".join(f"x_{{{n}}}" for n in range(30)) + "$"
    text = f"# Long\n\n{wide}\n\n{group}\n{LONG}\n\n{group}\n{LONG}\n\n{only}\n{LONG}\n\n{prose}\n"
    (root / "part" / "long.md").write_text(text)
    write_site(make_build(root, record=True))
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The site behind a web server of this machine, below a path."""
    with served(folder) as address:
        yield address


def shown(page: Page) -> list[str]:
    """The framework of each panel that can be seen."""
    panels = page.locator("[role=tabpanel]:visible")
    ids = [panel.get_attribute("id") or "" for panel in panels.all()]
    return [name.rsplit("-", 1)[1] for name in ids]


def selected(page: Page) -> list[str]:
    return page.locator("[role=tab][aria-selected=true]:visible").all_inner_texts()


def top(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"]


def scroll_to(page: Page, selector: str, at: int) -> None:
    script = (
        "([css, at]) => scrollBy(0, document.querySelector(css).getBoundingClientRect().top - at)"
    )
    page.evaluate(script, [selector, at])


def click_in_header(page: Page, name: str) -> None:
    """A click at the button's place; Playwright's own scrolls to a sticky element first."""
    box = page.locator(".switch").get_by_role("button", name=name).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_one_click_switches_every_group(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    groups = page.locator(".group").count()
    assert groups > 2
    assert shown(page) == ["pytorch"] * groups
    page.locator(".group").nth(1).get_by_role("tab", name="MXNet").click()
    assert shown(page) == ["mxnet"] * groups
    assert selected(page) == ["MXNet"] * groups
    expect(page.get_by_role("button", name="MXNet")).to_have_attribute("aria-pressed", "true")


def test_the_switch_in_the_header_switches_too(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    page.get_by_role("button", name="TensorFlow").click()
    assert set(shown(page)) == {"tensorflow"}
    assert set(selected(page)) == {"TensorFlow"}


def test_arrow_keys(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    bar = page.get_by_role("tablist").first
    tab = functools.partial(bar.get_by_role, "tab")
    tab(name="PyTorch").focus()
    for key, name in [
        ("ArrowRight", "TensorFlow"),
        ("ArrowRight", "MXNet"),
        ("ArrowRight", "PyTorch"),
        ("ArrowLeft", "MXNet"),
        ("Home", "PyTorch"),
        ("End", "MXNet"),
    ]:
        page.keyboard.press(key)
        expect(tab(name=name)).to_be_focused()
        assert set(selected(page)) == {name}
    # Only the selected tab is a stop of the Tab key.
    assert tab(name="MXNet").get_attribute("tabindex") == "0"
    assert tab(name="PyTorch").get_attribute("tabindex") == "-1"


def test_the_choice_is_kept_on_other_pages_and_visits(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    page.get_by_role("tab", name="MXNet").first.click()
    page.goto(f"{address}/part/long.html")
    assert set(shown(page)) <= {"mxnet", "pytorch"}
    assert page.locator("html").get_attribute("data-tab") == "mxnet"
    again = page.context.new_page()
    again.goto(f"{address}/part/cells.html")
    assert set(shown(again)) == {"mxnet"}


def test_the_address_wins_and_follows_the_choice(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    page.get_by_role("tab", name="MXNet").first.click()
    page.goto(f"{address}/part/cells.html?tab=tensorflow#subsec_shape")
    assert set(shown(page)) == {"tensorflow"}
    page.get_by_role("button", name="PyTorch").click()
    assert page.url == f"{address}/part/cells.html?tab=pytorch#subsec_shape"
    page.goto(f"{address}/part/cells.html?tab=nonsense")
    assert set(shown(page)) == {"pytorch"}


def test_a_page_without_the_choice_shows_what_there_is(page: Page, address: str) -> None:
    page.goto(f"{address}/part/one_tab.html?tab=tensorflow")
    notice = page.get_by_text("This page has no TensorFlow code. It shows MXNet.")
    expect(notice).to_be_visible()
    assert shown(page) == ["mxnet"]
    assert selected(page) == ["MXNet"]
    page.get_by_role("tab", name="MXNet").click()
    expect(notice).to_be_hidden()
    assert page.locator("html").get_attribute("data-tab") == "mxnet"


def test_a_group_without_the_choice(page: Page, address: str) -> None:
    page.goto(f"{address}/part/long.html?tab=mxnet")
    expect(page.get_by_text("Not in MXNet. This is PyTorch.")).to_be_visible()
    expect(page.get_by_text("For MXNet only.")).to_be_visible()
    page.get_by_role("button", name="TensorFlow").click()
    expect(page.get_by_text("Not in TensorFlow. This is PyTorch.")).to_be_visible()
    expect(page.get_by_text("For MXNet only.")).to_be_hidden()


def test_the_place_that_is_read_stays_where_it_is(page: Page, address: str) -> None:
    page.goto(f"{address}/part/long.html")
    second = ".group:nth-of-type(2) [role=tablist]"
    # A click in a group: the tab stays below the mouse, though the group above it grew.
    scroll_to(page, second, 300)
    before = top(page, second)
    page.locator(".group").nth(1).get_by_role("tab", name="MXNet").click()
    assert abs(top(page, second) - before) < 1
    # A click in the header: the paragraph at the top of the window stays.
    paragraph = "article > p:nth-of-type(20)"
    scroll_to(page, paragraph, 60)
    before = top(page, paragraph)
    click_in_header(page, "PyTorch")
    assert abs(top(page, paragraph) - before) < 1
    # In the middle of a group: still in the middle of it.
    click_in_header(page, "MXNet")
    page.evaluate("""() => {
      const { top, height } = document.querySelector(".group").getBoundingClientRect();
      scrollBy(0, top + height / 2 - document.querySelector(".top").offsetHeight);
    }""")
    click_in_header(page, "TensorFlow")
    middle = page.evaluate("""() => {
      const { top, height } = document.querySelector(".group").getBoundingClientRect();
      return top + height / 2 - document.querySelector(".top").offsetHeight;
    }""")
    assert abs(middle) < 2


def test_without_javascript_everything_is_shown(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/part/cells.html")
    panels = page.get_by_role("tabpanel")
    assert panels.count() > 6
    for panel in panels.all():
        expect(panel).to_be_visible()
        expect(panel.locator(".panel-name")).to_have_text(re.compile("PyTorch|TensorFlow|MXNet"))
    expect(page.get_by_role("tab").first).to_be_hidden()
    expect(page.locator(".switch")).to_be_hidden()
    page.goto(f"{address}/part/one_tab.html")
    expect(page.locator(".notice").first).to_be_hidden()
    context.close()


def test_no_request_leaves_the_site(page: Page, address: str, folder: Path) -> None:
    asked: list[str] = []
    missing: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
    names = [file.relative_to(folder).as_posix() for file in folder.rglob("*.html")]
    assert len(names) >= 6
    for name in names:
        page.goto(f"{address}/{name}")
        page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(address)] == []
    assert missing == []
    assert any(url.endswith("STIXTwoMath.woff2") for url in asked)


def test_from_the_disk(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("article").get_by_role("link", name="Cells and Tabs").click()
    page.get_by_role("tab", name="MXNet").first.click()
    assert set(shown(page)) == {"mxnet"}
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1.2. Only One Tab")
    expect(page.locator(".picture img")).to_be_visible()
    assert page.evaluate("document.querySelector('.picture img').naturalWidth") > 50


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 3840])
def test_no_horizontal_scroll(page: Page, address: str, folder: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for file in folder.rglob("*.html"):
        page.goto(f"{address}/{file.relative_to(folder).as_posix()}")
        assert page.evaluate("document.documentElement.scrollWidth") == width, file.name


def test_the_tree_folds_on_a_telephone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/part/cells.html")
    tree = page.get_by_role("navigation", name="Contents")
    expect(tree).to_be_hidden()
    page.get_by_role("button", name="Contents").click()
    expect(tree).to_be_visible()
    page.keyboard.press("Escape")
    expect(tree).to_be_hidden()
    page.get_by_role("button", name="Contents").click()
    tree.get_by_role("link", name="Only One Tab").click()
    expect(page).to_have_title("Only One Tab · A Tiny Book")
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(tree).to_be_visible()


def test_the_choice_moves_nothing_after_the_page_is_drawn(page: Page, address: str) -> None:
    page.goto(f"{address}/part/long.html?tab=mxnet")
    page.wait_for_load_state("networkidle")
    moved = page.evaluate("""() => new Promise((resolve) => {
      let sum = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 300);
    })""")
    assert moved < 0.01


def test_skip_link_and_landmarks(page: Page, address: str) -> None:
    page.goto(f"{address}/part/cells.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
