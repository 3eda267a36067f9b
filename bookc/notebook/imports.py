"""Code -> the same code with its imports in isort's order, as d2lbook does it."""

from __future__ import annotations

from collections import defaultdict
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isort.settings import Config as Settings

    from bookc.config import Config

SECTIONS = ("FUTURE", "STDLIB", "THIRDPARTY", "FIRSTPARTY", "LOCALFOLDER")


def sorting_folder(config: Config) -> str:
    """What `sort_imports` takes as the folder of a book; "" if it does not sort."""
    return str(config.root.resolve()) if config.sort_imports else ""


@lru_cache(maxsize=4096)
def sort_imports(source: str, folder: str) -> tuple[str, tuple[int, ...]]:
    """The source with sorted imports, and for each line the line (from 1) that it was.

    Args:
        folder: the book's folder: the packages in it sort behind those that are installed.
    """
    if "import " not in source:
        return source, tuple(range(1, source.count("\n") + 2))
    import isort  # 0.1 s, and only books that sort need it

    text = isort.code(source, config=_config(folder)).rstrip("\n")
    places: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(source.split("\n"), start=1):
        places[line.strip()].append(number)
    lines = []
    at = 1
    for line in text.split("\n"):
        if found := places[line.strip()]:
            at = found.pop(0)
        lines.append(at)
    return text, tuple(lines)


@cache
def _config(folder: str) -> Settings:
    from isort.settings import Config as Settings

    return Settings(directory=folder, no_lines_before=frozenset(SECTIONS))
