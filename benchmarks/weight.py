"""What each page of a built site costs its reader, pictures apart.

    python benchmarks/weight.py _build/html

For each page: the kilobytes that Chromium asks for on a first visit, each file as gzip -9 makes it
(fonts are compressed already), the layout shift on the way to its end (CLS), and the scripts that
the page waits for before it is drawn.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # how tests serve a site and start Chromium

from chromium import launch, served  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")
BLOCKING = "document.querySelectorAll('script[src]:not([defer], [async], [type=module])').length"
SHIFT = """async () => {
  let shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  return shift;
}"""


def weigh(browser: Browser, folder: Path, address: str, name: str) -> tuple[int, float, int]:
    """Bytes, layout shift and blocking scripts of a page that is visited for the first time."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("?")[0].split("#")[0]))
    page.goto(f"{address}/{name}")
    page.wait_for_load_state("networkidle")
    shift, blocking = float(page.evaluate(SHIFT)), int(page.evaluate(BLOCKING))
    context.close()
    files = [folder / url.removeprefix(f"{address}/") for url in asked if url.startswith(address)]
    return sum(_bytes(file) for file in files if file.suffix not in PICTURES), shift, blocking


def _bytes(file: Path) -> int:
    data = file.read_bytes()
    return len(data) if file.suffix == ".woff2" else len(gzip.compress(data, 9))


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "_build" / "html").resolve()
    print("| page | KB | CLS | blocking scripts |\n|:--|--:|--:|--:|")
    with sync_playwright() as playwright, served(folder) as address:
        browser = launch(playwright)
        for file in sorted(folder.rglob("*.html")):
            name = file.relative_to(folder).as_posix()
            size, shift, blocking = weigh(browser, folder, address, name)
            print(f"| {name} | {size / 1000:.0f} | {shift:.3f} | {blocking} |")


if __name__ == "__main__":
    main()
