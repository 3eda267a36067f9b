"""`bookc new`: a small book to begin with, which builds, runs and passes its test as it is.

Its files lie in template/book, as they will stand in the new book but for what is written @SO@.
What is different from framework to framework lies in template/tabs: the code cells of NAME.md,
and in NAME.ini what config.ini says of its package. Another framework is another such pair.
"""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

from bookc.config import read_config
from bookc.problems import BookError, Problem

TEMPLATE = Path(__file__).parent / "template"
BOOK, TABS = TEMPLATE / "book", TEMPLATE / "tabs"
DEFAULT_TAB = "python"  # as in config.ini; it needs nothing but Python
PLACE = re.compile(r"@([A-Z_]+)@")
NO_LETTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MARKDOWN = re.compile(r"[\\`*_\[\]<>&$#~]")  # what would not be itself in a heading


def offered_tabs() -> tuple[str, ...]:
    """The tabs that a new book can have."""
    return tuple(sorted(file.stem for file in TABS.glob("*.md")))


def new_book(title: str, tabs: Sequence[str] = ()) -> dict[str, str]:
    """The texts of a new book's files, by their paths in its folder.

    Args:
        tabs: of `offered_tabs`; the first is the default.

    Raises:
        BookError: a tab that is not offered, a title that is not one line of text.
    """
    tabs = tuple(dict.fromkeys(tabs)) or (DEFAULT_TAB,)
    title = title.strip()
    problems = [_unknown(tab) for tab in tabs if tab not in offered_tabs()]
    if not title or NO_LETTER.search(title):
        problems.append(Problem("--title", 0, f"{title!r}: want one line of text"))
    if problems:
        raise BookError(problems)
    values = {
        "TITLE": MARKDOWN.sub(r"\\\g<0>", title),
        "TITLE_IN_CONFIG": title.replace("%", "%%"),
        "NAME": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "book",
        "TABS": ", ".join(tabs),
        "FRAMEWORKS": "".join(f"\n    {row}" for tab in tabs for row in _frameworks(tab)),
        "CELLS": "\n".join((TABS / f"{tab}.md").read_text("utf-8") for tab in tabs).strip(),
        "PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    return {
        file.relative_to(BOOK).as_posix(): PLACE.sub(
            lambda place: values[place[1]], file.read_text("utf-8")
        )
        for file in sorted(BOOK.rglob("*"))
        if file.is_file()
    }


def write_book(folder: Path, title: str = "", tabs: Sequence[str] = ()) -> list[Path]:
    """Write a new book into a folder that does not exist yet, is empty, or has only a .git.

    Args:
        title: the folder's name, if it is empty.

    Returns:
        The files.

    Raises:
        BookError: as `new_book`; the folder has files, or its name is that of a file.
    """
    texts = new_book(title or _title_of(folder), tabs)
    if folder.exists() and not folder.is_dir():
        message = "is a file: name a folder that is new or empty"
        raise BookError([Problem(str(folder), 0, message)])
    there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if set(there) - {".git"}:
        some = ", ".join([name for name in there if name != ".git"][:3])
        message = f"is not empty ({some}): name a folder that is new or empty"
        raise BookError([Problem(str(folder), 0, message)])
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as new:  # never what came meanwhile
            new.write(text)
    return [folder / name for name in texts]


def next_steps(folder: Path) -> str:
    """What to type after a book was made, pip among it if a framework is not here yet."""
    frameworks = read_config(folder).frameworks.values()
    missing = [package for module, package in frameworks if find_spec(module) is None]
    enter = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    install = [f"pip install {shlex.join(missing)}"] if missing else []
    steps = [
        *enter,
        *install,
        "bookc execute  # run its code, and record what it prints",
        "bookc serve    # read it, and see each change as you save it",
    ]
    return "\n".join(["next:", *(f"  {step}" for step in steps)])


def _title_of(folder: Path) -> str:
    """`my-book` as `My book`."""
    words = re.sub(r"[-_\s]+", " ", folder.resolve().name).strip()
    return words[:1].upper() + words[1:]


def _unknown(tab: str) -> Problem:
    close = difflib.get_close_matches(tab, offered_tabs(), n=1)
    hint = f": did you mean '{close[0]}'?" if close else ""
    known = f"there are {', '.join(offered_tabs())}"
    return Problem("--tab", 0, f"no template for '{tab}'{hint} ({known})")


def _frameworks(tab: str) -> list[str]:
    """The lines of config.ini's `frameworks` for a tab; one that needs no package has none."""
    ini = ConfigParser()
    ini.read(TABS / f"{tab}.ini", encoding="utf-8")
    return ini.get("bookc", "frameworks", fallback="").splitlines()
