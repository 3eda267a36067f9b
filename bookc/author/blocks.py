"""A chapter's lines -> edits of them: cells with their fences and tab blocks, split and written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bookc.book import Cell
from bookc.read import prose
from bookc.read.syntax import FENCE, TAB_BLOCK, TAB_MARK

LINE = re.compile(r"(\r\n?|\n)")


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines `start` to `end` (from 0, without `end`) give way to `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def lines_of(text: str) -> list[tuple[str, str]]:
    """Each line with its end; the last has none. A byte order mark is no part of the first."""
    parts = LINE.split(text.removeprefix("\ufeff"))
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))


def write(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits; every line that none touches stays as it is to the byte."""
    if not edits:
        return text
    lines = lines_of(text)
    newline = next((end for _, end in lines if end), "\n")
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end))[::-1]:
        ends = dict(lines[edit.start : edit.end])  # a line that only moves keeps its own end
        lines[edit.start : edit.end] = [(line, ends.get(line, newline)) for line in edit.lines]
    # The last line has no end, and no other line is without one.
    body = "".join(line + (end or newline) for line, end in lines[:-1])
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    return bom + body + "".join(line for line, _ in lines[-1:])


def extent(lines: Sequence[str], cell: Cell) -> tuple[int, int]:
    """The first line and the one behind the last of a cell with its fence or tab block."""
    start, end = cell.line - 1, cell.line_at(len(cell.source.split("\n")))
    if cell.kind == "markdown" and not cell.tabs:
        return start, end
    while not (FENCE if cell.kind == "code" else TAB_BLOCK).match(lines[start - 1]):
        start -= 1
    while not lines[end].strip():
        end += 1
    return start - 1, end + 1


def _for_tabs(block: Sequence[str], tabs: Sequence[str]) -> list[str]:
    """The lines of a code cell, for other tabs."""
    names = ", ".join(tabs)
    at, mark = next((at, mark) for at, line in enumerate(block) if (mark := TAB_MARK.match(line)))
    return [*block[:at], f"{block[at][: mark.start(1)]} {names}", *block[at + 1 :]]


def tab_block(tabs: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Prose for some tabs."""
    return [f":begin_tab:`{', '.join(tabs)}`", *trimmed(lines), ":end_tab:"]


def fenced(lines: Sequence[str], tab: str) -> list[str]:
    """A new code cell, with a mark if a tab is named."""
    inside = [len(found[1]) + 1 for line in lines if (found := FENCE.match(line))]
    fence = "`" * max(3, *inside, 3)
    return [f"{fence}{{.python .input}}", *([f"#@tab {tab}"] if tab else []), *lines, fence]


def trimmed(lines: Sequence[str]) -> list[str]:
    """The lines without empty ones at both ends."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def inserted(
    lines: Sequence[str], cells: Sequence[Cell], previous: int, after: int, new: Sequence[str]
) -> Edit:
    """New lines behind the cell at `previous`, or before the one at `after` if that is -1."""
    if previous >= 0:
        _, at = extent(lines, cells[previous])
        gap = [""] if at < len(lines) and lines[at].strip() else []
        return Edit(at, at, ("", *new, *gap))
    if after < len(cells):
        at, _ = extent(lines, cells[after])
        return Edit(at, at, (*new, ""))
    at = len(lines) - (lines[-1] == "")
    return Edit(at, at, (*([""] if at and lines[at - 1].strip() else []), *new))


def deleted(lines: Sequence[str], cell: Cell) -> Edit:
    """A cell goes with the empty lines before it, at the top with those that follow."""
    start, end = extent(lines, cell)
    while start and not lines[start - 1].strip():
        start -= 1
    while not start and end < len(lines) - 1 and not lines[end].strip():
        end += 1
    return Edit(start, end, ())


def split(
    lines: Sequence[str], cell: Cell, new: Sequence[str], others: Sequence[str], tab: str
) -> Edit:
    """A cell as it was for the other tabs, and as it is now for one."""
    start, end = extent(lines, cell)
    if cell.kind == "code":
        first, last = cell.line - 1, cell.line - 1 + len(cell.source.split("\n"))
        opening = re.sub(r"\s*#[\w-]+(?=[\s}])", "", lines[start])  # an id names one cell
        copy = [opening, *lines[start + 1 : first], *new, *lines[last:end]]
        old = _for_tabs(lines[start:end], others)
        return Edit(start, end, (*old, *(["", *_for_tabs(copy, [tab])] if new else [])))
    # Of prose only the paragraphs that changed are split.
    parts: list[tuple[Sequence[str], str]] = []  # the tabs of each part, () for its own cell's
    before, after = _paragraphs(cell.source.split("\n")), _paragraphs(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, b1, b2, a1, a2 in matcher.get_opcodes():
        if kind == "equal":
            parts.append((cell.tabs, "".join(before[b1:b2])))
        else:
            parts += [(others, "".join(before[b1:b2])), ([tab], "".join(after[a1:a2]))]
    result: list[str] = []
    for tabs, text in parts:
        if part := trimmed(text.split("\n")):
            result += [*([""] if result else []), *(tab_block(tabs, part) if tabs else part)]
    return Edit(start, end, tuple(result))


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """The top-level blocks of Markdown between empty lines, each with the gap that follows it."""
    tokens = prose.parse("\n".join(lines))
    begins = {token.map[0] for token in tokens if token.level == 0 and token.map} - {0}
    starts = sorted(row for row in begins if not lines[row - 1].strip())
    ranges = zip([0, *starts], [*starts, len(lines)], strict=True)
    return [
        "\n".join([*lines[start:end], *[""] * (end == len(lines)), ""]) for start, end in ranges
    ]
