"""What readers can do with a page, in Chromium: compare, jump, come back, copy, take along."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import served
from playwright.sync_api import Browser, Locator, Page, expect

from bookc.book import Recorded
from bookc.run.build import make_build
from bookc.site.write import write_site

CONFIG = """\
[project]
name = reading
title = A Book to Read
release = 1.2

[build]
notebooks = *.md
resources = img/ data.csv
tabs = pytorch, tensorflow, mxnet

[colab]
github_repo = pytorch, owner/notebooks
              mxnet, owner/mx

[bookc]
notebook_branch = main
"""
WORDS = "Words to scroll past. " * 40
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>'
ONE = f"""\
# One
:label:`sec_one`

See :numref:`fig_a`, :eqref:`eq_a`, :numref:`sec_two` and :numref:`fig_b`.

{WORDS}

## Cells

```{{.python .input}}
#@tab pytorch
torch = 1
```

```{{.python .input}}
#@tab tensorflow
tensorflow = {"1 + " * 60}1
```

```{{.python .input}}
#@tab mxnet
mxnet = 1
```

{WORDS}

```{{.python .input}}
#@tab pytorch
second = 'torch'
```

```{{.python .input}}
#@tab tensorflow, mxnet
second = 'other'
```

:begin_tab:`mxnet`
![For MXNet only.](img/b.svg)
:label:`fig_b`
:end_tab:

{WORDS}

### Deeper

{WORDS}

## Figures

![A *picture*.](img/a.svg)
:label:`fig_a`

{WORDS}

$$y = x$$
:eqlabel:`eq_a`

```python
>>> 1 + 1
2
>>> for n in range(2):
...     print(n)
0
```

{WORDS}

{WORDS}
"""
TWO = """\
# Two
:label:`sec_two`

The second page begins with $x$ and goes on.

```{.python .input}
#@tab pytorch
print(open('data.csv').read())
```
"""
BOOK = {
    "config.ini": CONFIG,
    "index.md": "# Reading\n\n```toc\n:numbered:\none\ntwo\n```\n",
    "one.md": ONE,
    "two.md": TWO,
    "img/a.svg": SVG,
    "img/b.svg": SVG,
    "img/unseen.svg": SVG,
    "data.csv": "1,2\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reading")
    for name, text in BOOK.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    build = make_build(root)
    lines = {"output_type": "stream", "name": "stdout", "text": "line\n" * 60}
    recorded = {("pytorch", "two-c1"): Recorded((lines,), stale=False)}
    write_site(replace(build, recorded=recorded))
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def shown(page: Page, group: int) -> list[str]:
    """The frameworks whose panels can be seen in a group."""
    panels = page.locator(".group").nth(group).locator("[role=tabpanel]:visible").all()
    return [(panel.get_attribute("id") or "").rsplit("-", 1)[1] for panel in panels]


def top(part: Locator) -> float:
    return float(part.evaluate("(e) => e.getBoundingClientRect().top"))


def test_a_cell_is_switched_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    first, second = page.locator(".group").nth(0), page.locator(".group").nth(1)
    first.get_by_role("button", name="Switch these tabs alone").click()
    first.get_by_role("tab", name="MXNet").click()
    assert (shown(page, 0), shown(page, 1)) == (["mxnet"], ["pytorch"])
    expect(first.get_by_role("tab", name="MXNet")).to_have_attribute("aria-selected", "true")
    # The others go on together, and the choice that is kept is theirs.
    second.get_by_role("tab", name="TensorFlow").click()
    assert (shown(page, 0), shown(page, 1)) == (["mxnet"], ["tensorflow"])
    first.get_by_role("button", name="Switch these tabs alone").click()
    assert shown(page, 0) == ["tensorflow"]


def test_a_group_shows_all_side_by_side(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    page.goto(f"{address}/one.html")
    group = page.locator(".group").first
    group.evaluate("(e) => scrollBy(0, e.getBoundingClientRect().top - 200)")
    before = top(group)
    button = group.get_by_role("button", name="Show all side by side")
    button.click()
    assert shown(page, 0) == ["pytorch", "tensorflow", "mxnet"]
    assert shown(page, 1) == ["pytorch"]
    boxes = [panel.bounding_box() for panel in group.get_by_role("tabpanel").all()]
    assert len({box["y"] for box in boxes if box}) == 1  # beside each other
    assert abs(top(group) - before) < 1
    assert page.evaluate("document.documentElement.scrollWidth") == 1600
    button.click()
    assert shown(page, 0) == ["pytorch"]


def test_all_frameworks_on_every_page(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    page.get_by_role("button", name="All", exact=True).click()
    assert shown(page, 0) == ["pytorch", "tensorflow", "mxnet"]
    assert page.url.endswith("?tab=all")
    page.goto(f"{address}/two.html")
    assert shown(page, 0) == ["pytorch"]
    assert page.locator(".notice:visible").count() == 0
    page.goto(f"{address}/one.html?tab=mxnet")
    assert shown(page, 0) == ["mxnet"]


def test_a_link_into_a_panel_that_is_hidden_shows_it(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html?tab=tensorflow#fig_b")
    expect(page.locator("#fig_b")).to_be_in_viewport()
    assert shown(page, 0) == ["tensorflow"]
    page.goto(f"{address}/one.html?tab=pytorch")
    page.get_by_role("link", name="Fig. 1.1").first.click()
    expect(page.locator("#fig_b")).to_be_in_viewport()


def test_links_that_are_copied_keep_the_framework(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    assert page.url == f"{address}/one.html"  # nothing was chosen
    page.get_by_role("button", name="MXNet").click()
    assert page.url == f"{address}/one.html?tab=mxnet"
    link = page.get_by_role("article").get_by_role("link", name="Section 2")
    link.click(button="right")
    assert link.get_attribute("href") == f"{address}/two.html?tab=mxnet#sec_two"
    anchor = page.locator("h2 .anchor").first
    assert anchor.evaluate("(e) => e.href") == f"{address}/one.html?tab=mxnet#cells"
    # Back to a page: the last choice, not the one in its old address.
    page.goto(f"{address}/two.html")
    page.get_by_role("button", name="TensorFlow").click()
    page.go_back()
    assert shown(page, 0) == ["tensorflow"]


def test_light_and_dark(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{address}/one.html")

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    system = paper()
    page.get_by_role("button", name="Colours of the system").click()
    assert paper() == system
    page.get_by_role("button", name="Light colours").click()
    dark = paper()
    assert dark != system
    page.goto(f"{address}/two.html")
    assert paper() == dark
    page.get_by_role("button", name="Dark colours").click()
    assert paper() == system
    page.emulate_media(color_scheme="dark")
    assert paper() == dark


def test_pictures_follow_the_colours_that_are_chosen(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    page.evaluate("""() => {
      const picture = document.createElement("picture");
      picture.innerHTML = '<source media="(prefers-color-scheme: dark)"><img alt="">';
      document.querySelector("article").append(picture);
    }""")
    source = page.locator("picture > source")
    for name, media in [("of the system", "not all"), ("Light", "screen"), ("Dark", "(prefers-")]:
        page.get_by_role("button", name=name).click()
        assert (source.get_attribute("media") or "").startswith(media)


def test_the_contents_of_the_page_follow_the_reading(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    contents = page.get_by_role("navigation", name="On this page")
    names = ["1.1. Cells", "1.1.1. Deeper", "1.2. Figures"]
    assert contents.get_by_role("link").all_inner_texts() == names
    for anchor, name in [("deeper", names[1]), ("cells", names[0]), ("figures", names[2])]:
        page.locator(f"#{anchor}").evaluate("(e) => e.scrollIntoView()")
        expect(contents.locator("[aria-current=location]")).to_have_text(name)
    page.set_viewport_size({"width": 390, "height": 800})
    expect(contents).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="On this page").click()
    contents.get_by_role("link", name="Figures").click()
    expect(contents).to_be_hidden()
    expect(page.get_by_role("heading", name="Figures")).to_be_in_viewport()


def test_breadcrumbs_and_arrow_keys(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    crumbs = page.get_by_role("navigation", name="Breadcrumbs")
    assert crumbs.get_by_role("link").all_inner_texts() == ["Contents"]
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/two.html")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/one.html")
    # In a row of tabs the arrows change the tab, and in the search field they move in the text.
    page.get_by_role("tab", name="PyTorch").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("/")
    page.keyboard.type("ab")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert page.url.startswith(f"{address}/one.html")


def test_a_way_back_after_a_jump(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    back = page.get_by_role("button", name="Back to where you were")
    expect(back).to_be_hidden()
    page.get_by_role("article").get_by_role("link", name="Fig. 1.2").first.click()
    expect(back).to_be_visible()
    assert page.evaluate("scrollY") > 500
    back.click()
    expect(back).to_be_hidden()
    assert page.evaluate("scrollY") == 0
    page.get_by_role("article").get_by_role("link", name="Section 2").click()
    page.wait_for_url("**/two.html#sec_two")
    back.click()
    page.wait_for_url("**/one.html")


def test_previews(page: Page, address: str, folder: Path) -> None:
    page.goto(f"{address}/one.html")
    preview = page.get_by_role("tooltip")
    article = page.get_by_role("article")
    article.get_by_role("link", name="Fig. 1.2").first.hover()
    expect(preview).to_contain_text("A picture.")
    expect(preview.locator("img")).to_have_js_property("naturalWidth", 40)
    article.get_by_role("link", name="(1.1)").first.hover()
    expect(preview.locator("math")).to_be_visible()
    article.get_by_role("link", name="Section 2").hover()  # of another page
    expect(preview).to_contain_text("The second page begins with x and goes on.")
    page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_copying(browser: Browser, address: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{address}/one.html")

    def copied(cell: Locator) -> str:
        cell.hover()
        button = cell.get_by_role("button", name="Copy this code")
        button.click()
        expect(cell.get_by_role("button", name="Copied")).to_be_visible()
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied(page.locator(".cell:visible").first) == "torch = 1"
    transcript = page.locator(".cell", has_text=">>>")
    assert copied(transcript) == "1 + 1\nfor n in range(2):\n    print(n)"
    context.close()


def test_long_lines_wrap_if_asked(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html?tab=tensorflow")
    cell = page.locator(".cell:visible").first
    wide = "(e) => e.scrollWidth > e.clientWidth"
    assert cell.locator("pre").evaluate(wide)
    cell.hover()
    cell.get_by_role("button", name="Wrap long lines").click()
    assert not cell.locator("pre").evaluate(wide)
    page.reload()
    assert not cell.locator("pre").evaluate(wide)
    cell.hover()
    cell.get_by_role("button", name="Wrap long lines").click()
    assert cell.locator("pre").evaluate(wide)
    page.goto(f"{address}/one.html?tab=pytorch")  # nothing to wrap
    page.locator(".cell:visible").first.hover()
    expect(page.get_by_role("button", name="Wrap long lines")).to_have_count(0)


def test_long_outputs_are_opened(page: Page, address: str) -> None:
    page.goto(f"{address}/two.html")
    output = page.locator(".outputs pre")
    closed = output.evaluate("(e) => e.clientHeight")
    page.get_by_role("button", name="Show all 60 lines").click()
    assert output.evaluate("(e) => e.clientHeight == e.scrollHeight") and closed < 500
    page.get_by_role("button", name="Show less").click()
    assert output.evaluate("(e) => e.clientHeight") == closed


def test_notebooks_to_take_along(page: Page, address: str, folder: Path) -> None:
    page.goto(f"{address}/one.html?tab=mxnet")
    with page.expect_download() as asked:
        page.get_by_role("link", name="notebook", exact=True).click()
    notebook = json.loads(asked.value.path().read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert "mxnet = 1" in sources and "torch = 1" not in sources
    with page.expect_download() as asked:
        page.get_by_role("link", name="all notebooks (zip)").click()
    with zipfile.ZipFile(asked.value.path()) as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("reading-mxnet/") for name in archive.namelist()}
    # Of the pictures those that are shown; two.md has no code for MXNet.
    wanted = {"one.ipynb", "img/a.svg", "img/b.svg", "data.csv", "requirements.txt", "README.txt"}
    assert names == wanted
    hosts = page.locator(".run:visible a").evaluate_all("(all) => all.map((e) => e.href)")
    assert "https://colab.research.google.com/github/owner/mx/blob/main/one.ipynb" in hosts
    assert "https://mybinder.org/v2/gh/owner/mx/main?labpath=one.ipynb" in hosts
    page.get_by_role("button", name="TensorFlow").click()
    assert page.locator(".run:visible").inner_text().startswith("TensorFlow: notebook, all")


def test_archives_are_the_same_whenever_they_are_made(folder: Path) -> None:
    archive = folder / "_notebooks" / "reading-pytorch.zip"
    before = archive.read_bytes()
    with zipfile.ZipFile(io.BytesIO(before)) as packed:
        assert "pip install -r" in packed.read("reading-pytorch/README.txt").decode()
    archive.unlink()
    write_site(make_build(folder.parents[1]))
    assert archive.read_bytes() == before


def test_on_paper(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html?tab=tensorflow")
    page.get_by_role("button", name="Colours of the system").click()
    page.get_by_role("button", name="Light colours").click()
    page.emulate_media(media="print")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".bar").first).to_be_hidden()
    assert shown(page, 0) == ["tensorflow"]
    expect(page.locator(".panel-name:visible").first).to_have_text("TensorFlow")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    cell = page.locator(".cell:visible pre").first
    assert cell.evaluate("(e) => e.scrollWidth <= e.clientWidth")  # paper does not scroll
    assert page.pdf()[:5] == b"%PDF-"


def test_a_measure_of_65_to_75_characters(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    per_line = page.evaluate("""() => {
      const text = [...document.querySelectorAll("article > p")].at(-1).firstChild;
      const range = document.createRange();
      range.selectNode(text);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
      return text.length / lines;
    }""")
    assert 65 <= per_line <= 75


def test_fonts_come_with_the_site(page: Page, address: str) -> None:
    page.goto(f"{address}/one.html")
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate(
        "[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family)"
    )
    assert {name.strip('"') for name in loaded} == {"Book Text", "Book Code", "Book Math"}
