"""What axe-core finds on each page of a built site, in both schemes, wide and narrow.

python tools/axe.py _build/html
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # how tests serve a site and start Chromium

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from chromium import launch, served  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

View = tuple[str, int]  # scheme, width
VIEWS: list[View] = list(product(("light", "dark"), (1280, 390)))


def findings(
    browser: Browser, address: str, names: Iterable[str], view: View, tab: str = ""
) -> Iterator[str]:
    """One line for each rule of axe that a page breaks in a view."""
    scheme, width = view
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",  # a colour on its way is none to judge
        bypass_csp=True,  # for axe itself
    )
    page = context.new_page()
    for name in names:
        page.goto(f"{address}/{name}" + (f"?tab={tab}" if tab else ""))
        page.wait_for_timeout(50)  # what the page's scripts still do after loading
        for broken in Axe().run(page).response["violations"]:
            where = "; ".join(" ".join(node["target"]) for node in broken["nodes"][:3])
            rule = f"{broken['id']} ({len(broken['nodes'])})"
            yield f"{name} {scheme} {width} {tab}: {rule}: {where}"
    context.close()


def page_names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*.html"))]


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "_build" / "html").resolve()
    names, tabs = page_names(folder), ("pytorch", "tensorflow", "mxnet", "pytorch")
    with sync_playwright() as playwright, served(folder) as address:
        browser = launch(playwright)
        found = [
            line
            for view, tab in zip(VIEWS, tabs, strict=True)
            for line in findings(browser, address, names, view, tab)
        ]
    print(*found, sep="\n")
    print(f"{len(found)} findings on {len(names)} pages in {len(VIEWS)} views")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
