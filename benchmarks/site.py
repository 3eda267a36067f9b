"""Build a book's HTML with d2lbook and with bookc, and edit one page while bookc serves it.

    make .venv-d2lbook-site/stamp
    python benchmarks/site.py BOOK [--page chapter/section.md]

Both run on one core, on copies of the book, without evaluating cells, with every tab on every
page. d2lbook's site lacks what it fetches from other sites when it is read.
"""

from __future__ import annotations

import argparse
import configparser
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from costs import ROOT, Cost, copy_book, run
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

sys.path.append(str(ROOT / "tests"))
from chromium import launch

PROGRAMS = ROOT / ".venv-d2lbook-site" / "bin"
EDITS = 5  # of the served page; the median is shown


def build_with_d2lbook(folder: Path, tabs: list[str]) -> Cost:
    pandoc = next(PROGRAMS.parent.glob("lib/python3*/site-packages/pypandoc/files"))
    commands = [["eval", "--tab", tab] for tab in tabs] + [["html", "--tab", "all"]]
    costs = [run([PROGRAMS / "d2lbook", "build", *c], folder, PROGRAMS, pandoc) for c in commands]
    return sum(costs[1:], costs[0])


def build_with_bookc(folder: Path) -> Cost:
    return run([sys.executable, "-m", "bookc", "build", "html", "--book", folder], ROOT)


def edit(file: Path, word: str) -> None:
    """Put a word before the first paragraph's first one."""
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"\n\n(edit\d+ )?(?=[A-Z])", f"\n\n{word} ", text, count=1), "utf-8")


def time_to_show(folder: Path, page: str) -> list[float]:
    """Seconds from saving a page's source to seeing it in Chromium, where it was open."""
    command = [sys.executable, "-m", "bookc", "serve", "--port", "0", "--book", str(folder)]
    seconds = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        with sync_playwright() as playwright:
            browser = launch(playwright)
            window = browser.new_page()
            window.goto(address + page.removesuffix(".md") + ".html")
            for number in range(EDITS):
                window.wait_for_timeout(1500)  # an author reads what changed
                begin = time.monotonic()
                edit(folder / page, f"edit{number}")
                window.get_by_text(f"edit{number}").first.wait_for()
                seconds.append(time.monotonic() - begin)
            browser.close()
        server.terminate()
    return sorted(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("--page", default="chapter_generative-adversarial-networks/gan.md")
    args = parser.parse_args()
    table = Table("", "d2lbook s", "bookc s", "ratio", "bookc's peak MB")
    with tempfile.TemporaryDirectory(prefix="site-") as name:
        theirs = copy_book(args.book, Path(name) / "d2lbook")
        ours = copy_book(args.book, Path(name) / "bookc")
        ini = configparser.RawConfigParser()
        ini.read(ours / "config.ini", encoding="utf-8")
        if ini.has_section("pdf"):  # d2lbook fetches a style for a PDF that nobody asked for
            ini["pdf"]["style"] = ""
            with (theirs / "config.ini").open("w", encoding="utf-8") as file:
                ini.write(file)
        tabs = [tab.strip().lower() for tab in ini["build"]["tabs"].split(",")]

        def change() -> None:
            for folder in (theirs, ours):
                edit(folder / args.page, "edit9")

        steps: dict[str, Callable[[], None]] = {
            "every page": lambda: None,
            "nothing changed": lambda: None,
            "one page edited": change,
        }
        for what, prepare in steps.items():
            prepare()
            one, other = build_with_d2lbook(theirs, tabs), build_with_bookc(ours)
            table.add_row(
                what,
                f"{one.wall:.2f}",
                f"{other.wall:.2f}",
                f"{one.wall / other.wall:.1f}",
                f"{other.memory:.0f}",
            )
        seconds = time_to_show(ours, args.page)
        middle, longest = seconds[len(seconds) // 2], seconds[-1]
        table.add_row("one page edited, until it is shown", "", f"{middle:.2f}", "", "")
        table.add_row("the longest of these", "", f"{longest:.2f}", "", "")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
