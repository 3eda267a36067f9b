"""Photograph ten kinds of pages of this book, wide and narrow, light and dark.

    bookc build html
    python tools/screenshots.py _build/html pages

The files are called `kind-width-scheme.png`. They are made to be looked at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from chromium import launch, served

SIZES = {"wide": (1440, 1000), "narrow": (390, 844)}
SCHEMES = "light", "dark"


def _nothing(page: Page) -> None:
    pass


def _to(selector: str) -> Callable[[Page], None]:
    """Scroll until an element is a little below the header."""
    script = "(e) => scrollBy({ top: e.getBoundingClientRect().top - 90, behavior: 'instant' })"
    return lambda page: page.locator(selector).first.evaluate(script)


def _compare(page: Page) -> None:
    group = page.locator(".group:has(.compare)").nth(2)
    group.evaluate("(e) => scrollBy({ top: e.getBoundingClientRect().top - 90 })")
    group.locator(".compare").click()


def _preview(page: Page) -> None:
    link = page.locator("article a:is(.numref, .eqref)").first
    link.scroll_into_view_if_needed()
    link.hover()
    page.wait_for_timeout(600)


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("batch normalization")
    page.locator(".search-results li").first.wait_for()


def _contents(page: Page) -> None:
    menu = page.locator(".menu")
    if menu.is_visible():
        menu.click()


KINDS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "first": ("index.html", _contents),
    "part": ("game/index.html", _nothing),
    "section": ("game/gan.html", _nothing),
    "formulas": ("tools/transposed-conv.html", _to(".equation")),
    "code": ("images/dcgan.html", _to(".group")),
    "plots": ("images/dcgan.html", _to(".picture")),
    "compare": ("game/gan.html", _compare),
    "preview": ("game/gan.html", _preview),
    "search": ("index.html", _search),
    "missing": ("404.html", _nothing),
}


def main() -> None:
    """Write one PNG for each kind, size and scheme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="a built site, such as _build/html")
    parser.add_argument("out", type=Path, help="the folder for the pictures")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with served(args.site.resolve()) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                for kind, (name, act) in KINDS.items():
                    page = context.new_page()
                    page.goto(f"{address}/{name}")
                    page.wait_for_load_state("networkidle")
                    act(page)
                    page.wait_for_timeout(300)
                    file = args.out / f"{kind}-{size}-{scheme}.png"
                    page.screenshot(path=file)
                    page.close()
                    print(file)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
