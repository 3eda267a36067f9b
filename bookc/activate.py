"""(Markdown, tab) -> the same text in which a Markdown editor of Jupyter runs one tab's cells.

For such an editor ```{.python .input} opens a cell, and ```python {.python .input} a block that
it only shows. A bare ```python block is a cell that d2lbook put to sleep if it has a tab mark;
else it is an example, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bookc.book import BookError, Problem
from bookc.parse import FENCE, INPUT, TAB_MARK, parse_chapter

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
    closing: re.Pattern[str] | None = None
    for at, line in enumerate(lines):
        if closing is not None:
            closing = None if closing.match(line) else closing
            continue
        fence = FENCE.match(line.removeprefix("\ufeff") if at == 0 else line)
        if fence is None:
            continue
        closing = re.compile(rf"{fence[1][0]}{{{len(fence[1])},}}[ \t]*$")
        mark = _mark(lines, at + 1, closing)
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


def _mark(lines: Sequence[str], first: int, closing: re.Pattern[str]) -> str | None:
    """The tabs that the mark of the code block from line `first` on names, if it has one."""
    for at in range(first, len(lines)):
        if closing.match(lines[at]):
            break
        if mark := TAB_MARK.match(lines[at]):
            return mark[1]
    return None
