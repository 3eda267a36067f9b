"""Written pages -> the search index, made by Pagefind; the browser searches it without a server."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from bookc import files
from bookc.config import Config
from bookc.files import site_folder
from bookc.problems import BookError, Problem
from bookc.up_to_date import make_stamp

FOLDER = "pagefind"  # in the site
# Not text of the book: bars, notices, marks, and what programs printed.
UNREAD = ".tabs, .notice, .panel-name, .anchor, .outputs, .contents, .page-references, "
UNREAD += ".neighbours, footer"
# Pagefind brings several user interfaces; ours is theme/search.js.
NEEDED = ("pagefind.js", "pagefind-worker.js", "pagefind-highlight.js", "pagefind-entry.json")
NEEDED_KINDS = (".pf_fragment", ".pf_index", ".pf_meta", ".pf_filter", ".pagefind")


def make_index(site: Path) -> dict[str, bytes]:
    """The files of the index of a site's pages, by their paths in the site.

    Args:
        site: the folder of the written pages; what is indexed in them is `data-pagefind-body`.

    Returns:
        Nothing for a book without a word in it.

    Raises:
        BookError: Pagefind is not installed, or failed.
    """
    with tempfile.TemporaryDirectory(prefix="bookc-search-") as name:
        command = [sys.executable, "-m", "pagefind", "--site", str(site), "--output-path", name]
        options = ["--keep-index-url", "--exclude-selectors", UNREAD]
        # Names in code, such as num_epochs, are words.
        options += ["--include-characters", "_"]
        done = subprocess.run([*command, *options], capture_output=True, text=True)
        if done.returncode and "Indexed 0 pages" in done.stdout:
            return {}  # a book without a word
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            message = f"the search index cannot be made: {reason}"
            raise BookError([Problem("pagefind", 0, f"{message} (pip install 'pagefind[bin]')")])
        folder = Path(name)
        return {
            f"{FOLDER}/{file.relative_to(folder).as_posix()}": file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.name in NEEDED or file.suffix in NEEDED_KINDS
        }


def write_index(config: Config) -> None:
    """Write the search index of the site's pages, if it is not theirs already."""
    folder = site_folder(config)
    place = folder / FOLDER
    digest = hashlib.sha256(version("pagefind").encode())
    for page in sorted(folder.rglob("*.html")):
        digest.update(page.read_bytes())
    stamp = make_stamp(config, "search", digest.hexdigest())
    if stamp.made() is not None:
        return
    index = make_index(folder)
    for name, content in index.items():
        files.write_file(folder / name, content)
    for file in place.rglob("*"):
        if file.is_file() and file.relative_to(folder).as_posix() not in index:
            file.unlink()
    stamp.write(folder / name for name in index)
