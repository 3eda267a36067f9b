"""Written pages -> the search index, made by Pagefind; the browser searches it without a server."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import cbor2
from pagefind.service import get_executable

from bookc import disk
from bookc.config import Config
from bookc.files import site_folder
from bookc.problems import BookError, Problem
from bookc.stamps import claim, remove_others
from bookc.up_to_date import make_stamp

FOLDER = "pagefind"  # in the site
STAMP = "search"
SIGNATURE = b"pagefind_dcd"  # what Pagefind's packed files begin with
HASH = re.compile(r"_([0-9a-f]+)\.pf_")  # in the name of a file
ENTRY = "pagefind-entry.json"
# Not text of the book: bars, notices, marks, and what programs printed.
UNREAD = ".tabs, .notice, .panel-name, .anchor, .outputs, .contents, .page-references, "
UNREAD += ".neighbours, footer"
# Pagefind brings several user interfaces; ours is theme/search.js.
NEEDED = ("pagefind.js", "pagefind-worker.js", "pagefind-highlight.js", "pagefind-entry.json")
NEEDED_KINDS = (".pf_fragment", ".pf_index", ".pf_meta", ".pf_filter", ".pagefind")


def make_index(site: Path) -> dict[str, bytes]:
    """The files of the index of a site's pages, by their paths in the site.

    Equal pages give equal files.

    Args:
        site: the folder of the written pages; what is indexed in them is `data-pagefind-body`.

    Returns:
        Nothing for a book without a word in it.

    Raises:
        BookError: Pagefind is not installed, or failed.
    """
    with tempfile.TemporaryDirectory(prefix="bookc-search-") as name:
        folder = Path(name)
        output = folder / "index"
        command = [str(_pagefind()), "--site", str(site.resolve()), "--output-path", str(output)]
        options = ["--keep-index-url", "--exclude-selectors", UNREAD]
        # Names in code, such as num_epochs, are words.
        options += ["--include-characters", "_"]
        # In an empty folder: Pagefind would obey a file of settings where it is started.
        done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
        if done.returncode and "Indexed 0 pages" in done.stdout:
            return {}  # a book without a word
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise _failed(f"the search index cannot be made: {reason}")
        made = {
            file.relative_to(output).as_posix(): file.read_bytes()
            for file in sorted(output.rglob("*"))
            if file.name in NEEDED or file.suffix in NEEDED_KINDS
        }
    return {f"{FOLDER}/{name}": content for name, content in in_order(made).items()}


def _pagefind() -> Path:
    """Pagefind's program: by its path, so that no folder of a book is asked for a module."""
    if (program := get_executable()) is None:
        raise _failed("the search index cannot be made: Pagefind has no program here")
    return Path(program).absolute()


def _failed(message: str) -> BookError:
    return BookError([Problem("pagefind", 0, f"{message} (pip install 'pagefind[bin]')")])


def in_order(index: dict[str, bytes]) -> dict[str, bytes]:
    """An index with the values of its filters in order.

    Pagefind writes them in another order each time, and calls each file by a hash of its content;
    all else in an index of equal pages is equal.
    """
    ordered = dict(index)
    renamed = {}
    for name in index:
        if name.endswith(".pf_filter"):
            label, values = cbor2.loads(_unpacked(ordered.pop(name)))
            old, new = _put(ordered, name, cbor2.dumps([label, sorted(values)]))
            renamed[old] = new
    for name in index:
        if name.endswith(".pf_meta"):
            body = _unpacked(ordered.pop(name))
            for one, other in renamed.items():
                body = body.replace(one, other)  # as long as it was
            old, new = _put(ordered, name, body)
            ordered[ENTRY] = ordered[ENTRY].replace(old, new)
    return ordered


def _put(index: dict[str, bytes], name: str, body: bytes) -> tuple[bytes, bytes]:
    """Add a file under the name that its content gives it; the hashes that were and are in it."""
    found = HASH.search(name)
    assert found is not None, name
    new = hashlib.sha256(body).hexdigest()[: len(found[1])]
    index[name.replace(found[1], new)] = gzip.compress(SIGNATURE + body, mtime=0)
    return found[1].encode(), new.encode()


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content).removeprefix(SIGNATURE)


def index_files(config: Config) -> set[str]:
    """The files of the index, relative to the site, as they were last written."""
    folder = site_folder(config)
    found = make_stamp(config, STAMP, "").files()
    return {Path(os.path.relpath(file, folder)).as_posix() for file in found}


def write_index(config: Config, names: Iterable[str]) -> None:
    """Write the search index of the site's pages, if it is not theirs already.

    Args:
        names: the site's files, the index left out.
    """
    folder = site_folder(config)
    digest = hashlib.sha256(version("pagefind").encode())
    for name in sorted(names):
        if name.endswith(".html"):
            digest.update((folder / name).read_bytes())
    stamp = make_stamp(config, STAMP, digest.hexdigest())
    if stamp.made() is not None:
        return
    index = make_index(folder)
    claim(stamp, folder, index)
    for name, content in index.items():
        disk.write_file(folder / name, content)
    remove_others(stamp, folder, index)
    stamp.write(folder / name for name in index)
