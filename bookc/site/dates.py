"""Book -> the date of each chapter's last change, from its Git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bookc.book import Book
from bookc.up_to_date import make_stamp


def last_changes(book: Book) -> dict[str, str]:
    """The date of the last commit of each chapter's file, as YYYY-MM-DD.

    Empty where there is no repository, and where its history was cut (a shallow clone), which
    would give every file the date of the cut.

    The dates of a commit are kept, since a long history takes long to read.
    """
    root, wanted = book.config.root, {chapter.file for chapter in book.chapters}
    about = commit(root)
    if about is None or about.splitlines()[0] != "false":
        return {}
    stamp = make_stamp(book.config, "changes", about, sorted(wanted))
    if (made := stamp.made()) is not None:
        return dict(made.value)
    # -z: names as they are. A commit is "\0" and its date, then each of its files after a "\0".
    log = _git(root, "log", "--format=%x00%cs", "--name-only", "--relative", "-z", "--", ".")
    dates: dict[str, str] = {}
    date = ""
    fields = iter((log or "").split("\0"))
    for field in fields:
        if field == "":
            date = next(fields, "").strip()
        elif (name := field.lstrip("\n")) in wanted:
            dates.setdefault(name, date)
    stamp.write(value=dates)
    return dates


def commit(root: Path) -> str | None:
    """What the dates of a folder depend on: the commit and where in it; None for no repository."""
    return _git(root, "rev-parse", "--is-shallow-repository", "--show-prefix", "HEAD")


# A repository's own settings may name programs, and a folder of a book may be made to look like a
# repository (https://git-scm.com/docs/git, "safe.bareRepository"). None of them is started: no
# server is asked for missing objects, no signature is checked, no hook or monitor is run.
HARMLESS = (
    "--no-pager",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "log.showSignature=false",
    "-c",
    "protocol.allow=never",
)
ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _git(root: Path, *arguments: str) -> str | None:
    """What a command of Git prints; None if it fails or there is no Git."""
    if (git := shutil.which("git")) is None:
        return None
    try:
        done = subprocess.run(
            [git, *HARMLESS, *arguments],
            cwd=root,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    return done.stdout
