"""When each file was last changed, as the book's Git repository tells it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bookc import files


def last_changes(root: Path, wanted: Iterable[str], cache: Path) -> dict[str, str]:
    """The date of the last commit of each file, as YYYY-MM-DD.

    Empty where there is no repository, and where its history was cut (a shallow clone), which
    would give every file the date of the cut.

    Args:
        root: the folder that the wanted files are relative to.
        cache: where the dates of a commit are kept: a long history is read once.
    """
    about = commit(root)
    if about is None or about.splitlines()[0] != "false":
        return {}
    missing = set(wanted)
    key = [about, sorted(missing)]
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
        if known["key"] == key:
            return dict(known["dates"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or not one of ours
    # -z: names as they are. A commit is "\0" and its date, then each of its files after a "\0".
    log = _git(root, "log", "--format=%x00%cs", "--name-only", "--relative", "-z", "--", ".")
    dates: dict[str, str] = {}
    date = ""
    fields = iter((log or "").split("\0"))
    for field in fields:
        if field == "":
            date = next(fields, "").strip()
        elif (name := field.lstrip("\n")) in missing:
            dates.setdefault(name, date)
    files.write_file(cache, json.dumps({"key": key, "dates": dates}))
    return dates


def commit(root: Path) -> str | None:
    """What the dates of a folder depend on: the commit and where in it; None for no repository."""
    return _git(root, "rev-parse", "--is-shallow-repository", "--show-prefix", "HEAD")


def _git(root: Path, *arguments: str) -> str | None:
    """What a command of Git prints; None if it fails or there is no Git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    return done.stdout
