"""Watch an Animator draw in JupyterLab, frame by frame, and say whether it flickers.

    python tools/flicker.py

A cell adds points for some seconds in a real JupyterLab in Chromium. At each frame that the browser
draws, the cell's output is measured: from the first picture on there has to be one, drawn, and the
output must not be lower than before, else the page would jump.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))
from chromium import launch  # noqa: E402

SECONDS = 6
CODE = f"""\
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from d2l_shim.plot import Animator
animator = Animator(xlabel='step', legend=['a', 'b'])
begin = time.monotonic()
step = 0
while time.monotonic() < begin + {SECONDS}:
    step += 1
    animator.add(step, (1 / step, 2 / step))
    time.sleep(0.002)
print('steps', step)
"""
WATCH = """() => {
  const seen = window.seen = { frames: 0, empty: 0, lower: 0, pictures: new Set(), most: 0 };
  let height = 0;
  const look = () => {
    const area = document.querySelector(".jp-OutputArea");
    const images = [...(area?.querySelectorAll("img") ?? [])];
    if (seen.pictures.size || images.length) {
      seen.frames += 1;
      seen.empty += !images.some((image) => image.complete && image.naturalWidth > 0);
      seen.most = Math.max(seen.most, images.length);
      for (const image of images) seen.pictures.add(image.src);
      const now = area.getBoundingClientRect().height;
      seen.lower += now < height - 1;
      height = Math.max(height, now);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def watch(page: Page, address: str) -> dict[str, int]:
    """Run the notebook's cell; what was seen of its output."""
    page.goto(address)
    cell = page.locator(".jp-CodeCell .cm-content").first
    cell.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)
    page.get_by_text("| Idle").wait_for(timeout=60_000)
    page.wait_for_timeout(3000)  # a cell that is run while the kernel connects is lost
    page.evaluate(WATCH)
    cell.click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea").get_by_text("steps ").wait_for(timeout=30_000)
    page.wait_for_timeout(1000)
    seen: dict[str, int] = page.evaluate(
        "() => ({ ...window.seen, pictures: window.seen.pictures.size })"
    )
    return seen


def _address(log: Iterable[str]) -> str:
    found = (re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/", line) for line in log)
    return next(one[0] for one in found if one is not None)


def main() -> int:
    """0 if nothing flickers."""
    with tempfile.TemporaryDirectory(prefix="flicker-") as name:
        folder = Path(name)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, folder / "animator.ipynb")
        options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--port=0"]
        command = [sys.executable, "-m", "jupyter", "lab", *options, f"--notebook-dir={folder}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            try:
                address = _address(server.stderr or ())
                with sync_playwright() as playwright:
                    browser = launch(playwright)
                    page = browser.new_page(viewport={"width": 1200, "height": 900})
                    seen = watch(page, f"{address}lab/tree/animator.ipynb?reset")
                    browser.close()
            finally:
                server.terminate()
    seen["pictures a second"] = round(seen["pictures"] / SECONDS, 1)  # type: ignore[assignment]
    print(json.dumps(seen))
    return 1 if seen["empty"] or seen["lower"] or seen["most"] != 1 else 0


if __name__ == "__main__":
    sys.exit(main())
