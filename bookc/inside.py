"""Which files belong to a book: those in its folder, links followed, that are not hidden.

A book is often built by somebody who did not write it. Whatever file it names, the output gets
none of another folder, and none of `.git`, `.env` and their like.
"""

from __future__ import annotations

import os
from pathlib import Path

PICTURES = (
    ".svg",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".avif",
    ".apng",
    ".bmp",
    ".ico",
)


def belongs(path: Path, root: Path) -> bool:
    """Whether a file or folder lies in a book's folder, links followed, and is not hidden there.

    Args:
        root: the book's folder; it may itself be hidden.
    """
    top = os.path.realpath(root)
    try:  # books have hundreds of pictures: as texts, which are quicker than paths
        place = os.path.realpath(path)
    except (ValueError, OSError):  # NUL in a name, too long a name
        return False
    base = top.rstrip(os.sep)
    inside = place[len(base) :]
    return place == top or (place.startswith(base + os.sep) and f"{os.sep}." not in inside)


def is_file_of(path: Path, root: Path) -> bool:
    """Whether a path is a file of the book: no folder, no device, no pipe."""
    try:
        return path.is_file() and belongs(path, root)
    except (OSError, ValueError):  # too long a name; one with NUL
        return False


def is_picture(path: Path) -> bool:
    """Whether a file is called a picture, and so is what it links to."""
    return all(one.suffix.lower() in PICTURES for one in (path, path.resolve()))
