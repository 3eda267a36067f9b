"""Edits of a cell's source by position; each line still knows which line of the file it was."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bookc.book import Cell
from bookc.read.python import nodes

Span = tuple[int, int]
BEHIND = r"(?:[\s)\\]|#[^\n]*)*"  # what may stand between an expression and its comma or colon


@dataclass(frozen=True, slots=True)
class Edit:
    """Source between two offsets, and what stands there instead: text and other spans.

    The spans are edited too, so edits may nest.
    """

    start: int
    end: int
    parts: tuple[str | Span, ...]


class Positions:
    """Offsets into a source for the lines and UTF-8 columns of its syntax tree."""

    def __init__(self, source: str) -> None:
        lines = source.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in lines)]
        self._wide = {number: line for number, line in enumerate(lines, 1) if not line.isascii()}

    def offset(self, line: int, column: int) -> int:
        if line in self._wide:
            column = len(self._wide[line].encode()[:column].decode())
        return self._starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> Span:
        end = self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        return self.offset(node.lineno, node.col_offset), end

    def line(self, offset: int) -> int:
        """The line (from 1) that an offset is on."""
        return bisect_right(self._starts, offset)


def apply_edits(cell: Cell, edits: Sequence[Edit], positions: Positions) -> Cell:
    """The cell with its source edited; of two edits at one place the outer one, then the first."""
    if not edits:
        return cell
    ordered = sorted(edits, key=lambda edit: (edit.start, -edit.end))
    chunks = list(_render(cell.source, (0, len(cell.source)), ordered))
    text = "".join(chunk for chunk, _ in chunks)
    lines = [cell.line_at(1)]
    for chunk, offset in chunks:
        at = chunk.find("\n")
        while at >= 0:
            # Text that an edit brings is of the line where the edit begins.
            number = positions.line(offset + at + 1 if offset >= 0 else -offset - 1)
            lines.append(cell.line_at(number))
            at = chunk.find("\n", at + 1)
    return with_lines(replace(cell, source=text), lines)


def with_lines(cell: Cell, lines: Sequence[int]) -> Cell:
    """The cell with the file's line of each of its lines, in the shortest form."""
    first = lines[0]
    in_order = tuple(lines) == tuple(range(first, first + len(lines)))
    return replace(cell, line=first, lines=() if in_order else tuple(lines))


def _render(source: str, span: Span, edits: Sequence[Edit]) -> Iterator[tuple[str, int]]:
    """Pieces of text, each with its offset in the source; of new text, minus one minus that."""
    at, end = span
    for number, edit in enumerate(edits):
        if edit.start < at or edit.end > end:
            continue
        yield source[at : edit.start], at
        inner = edits[number + 1 :]
        for part in edit.parts:
            if isinstance(part, str):
                yield part, -edit.start - 1
            else:
                yield from _render(source, part, inner)
        at = edit.end
    yield source[at:end], at


def string_lines(body: Sequence[ast.stmt]) -> set[int]:
    """The lines that begin inside a string other than a docstring: they must not be moved."""
    inside: set[int] = set()
    documented: set[int] = set()
    for node in (node for statement in body for node in nodes(statement)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documented.add(id(node.value))
        is_string = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        )
        if is_string and id(node) not in documented:
            assert isinstance(node, ast.expr)
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return inside
