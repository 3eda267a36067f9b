"""(Markdown, tab) -> the same text in which a Markdown editor of Jupyter runs one tab's cells.

For such an editor ```{.python .input} opens a cell, and ```python {.python .input} a block that
it only shows. A bare ```python block is a cell that d2lbook put to sleep if it has a tab mark;
else it is an example, and stays as it is.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from bookc import disk
from bookc.config import read_config
from bookc.problems import BookError, Problem, collecting
from bookc.read.cells import parse_chapter
from bookc.read.fences import Fences
from bookc.read.syntax import FENCE, INPUT, TAB_MARK

ASLEEP = re.compile(r"python\s+(\{[^}]*\.input\b[^}]*\}\s*)")
LINE = re.compile(r"(\r\n?|\n)")


def activate(text: str, file: str, tab: str, tabs: Sequence[str]) -> str:
    """Make one tab's code blocks cells, and those of the other tabs blocks that are only shown.

    Args:
        text: the Markdown; nothing but the openings of code blocks changes.
        file: its name for messages.
        tab: a tab; `default` for the first one; `all` makes every block a cell.
        tabs: the book's tabs; the first is that of a cell without a mark.

    Raises:
        BookError: no such tab, or what `parse_chapter` finds wrong.
    """
    if tab not in (*tabs, "all", "default"):
        known = ", ".join(["all", "default", *tabs])
        raise BookError([Problem(file, 0, f"unknown tab '{tab}' (known: {known})")])
    awake = _set(text, None, tabs)
    parse_chapter(awake, "page", file, tabs)
    return awake if tab == "all" else _set(awake, tabs[0] if tab == "default" else tab, tabs)


def _set(text: str, tab: str | None, tabs: Sequence[str]) -> str:
    """The text with the cells of `tab` awake and the others asleep; None wakes them all."""
    parts = LINE.split(text)
    lines = parts[::2]
    plain = [lines[0].removeprefix("\ufeff"), *lines[1:]]
    fences = Fences(plain, _opens_cell)
    end = -1  # of the fence before
    for at, line in enumerate(lines):
        fence = FENCE.match(plain[at]) if at > end else None
        if fence is None:
            continue
        closing = fences.closing(at, fence[1], _opens_cell(fence[1], fence[2]))
        end = len(lines) if closing is None else closing
        mark = _mark(lines[at + 1 : end])
        if asleep := ASLEEP.fullmatch(fence[2]):
            cell = asleep[1]
        elif INPUT.fullmatch(fence[2]):
            cell = fence[2]
        elif fence[2].strip() == "python" and mark is not None:
            cell = "{.python .input}"
        else:
            continue
        names = re.split(r"[\s,]+", tabs[0] if mark is None else mark.strip().lower())
        is_awake = tab is None or tab in names or "all" in names
        head = line[: len(line) - len(fence[2])]
        parts[2 * at] = head + (cell if is_awake else f"python {cell}")
    return "".join(parts)


def _opens_cell(run: str, rest: str) -> bool:
    """Whether a fence opens a cell that is awake, or asleep with its braces."""
    info = rest.strip()
    return (INPUT.fullmatch(info) or ASLEEP.fullmatch(info)) is not None


def _mark(lines: Sequence[str]) -> str | None:
    """The tabs that the mark of a code block names, if it has one."""
    return next((mark[1] for line in lines if (mark := TAB_MARK.match(line))), None)


def activate_files(root: Path, tab: str, patterns: Sequence[str]) -> list[str]:
    """Activate a tab in Markdown files, all of them or none.

    Args:
        patterns: files or wildcards, relative to the working folder.

    Returns:
        The files that changed.
    """
    tabs = read_config(root).tabs
    texts: dict[Path, str] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (patterns may be absolute)
        if not found:
            problems.append(Problem(pattern, 0, "no such file"))
        for name in found:
            with collecting(problems):
                text = disk.read_text(Path(name), name)
                texts[Path(name)] = activate(text, name, tab, tabs)
    if problems:
        raise BookError(problems)
    return [str(file) for file, text in texts.items() if disk.write_source(file, text)]
