"""The marks in code cells: #@save, #@quick and #@tags, found as Python comments.

Python is read by `tokenize` and `ast`, never by regular expressions over a cell, so a mark in
a string is just a string. Lines of IPython (`%magic`, `!shell`) are set aside first.
"""

from __future__ import annotations

import ast
import re
import tokenize
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bookc.book import Cell
from bookc.problems import BookError, Problem
from bookc.read.python import NOT_PYTHON, comments, python_of
from bookc.read.syntax import CODE_MARK

HIDE = re.compile(
    r"^[ \t]*#[ \t]*(?:@hide(?:_(all|code|outputs?))?|hide[ \t]+(code|outputs?))[ \t]*$",
    re.M | re.I,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: its name, what stands behind it, its line (from 1) and column (from 0)."""

    name: str
    value: str
    line: int
    column: int


@lru_cache(maxsize=4096)  # several steps ask, for every tab
def find_marks(source: str) -> tuple[Mark, ...]:
    """The marks of a cell, in order; none in a cell that is not Python up to them."""
    # To tell comments from strings takes long, and is needed no farther than the last mark.
    places = [found.start() for found in CODE_MARK.finditer(source)]
    if not places:
        return ()
    last = source.count("\n", 0, places[-1]) + 1
    marks = []
    try:
        for comment in comments(source, last):
            if mark := CODE_MARK.match(comment.string):
                marks.append(Mark(mark[1], mark[2].strip(), *comment.start))
    except (tokenize.TokenError, SyntaxError):
        return ()
    return tuple(marks)


def would_be_marks(source: str) -> set[str]:
    """The lines on which what reads like a mark is none: it is part of a string or a comment."""
    lines = source.split("\n")
    marked = {mark.line for mark in find_marks(source)}
    return {
        line
        for number, line in enumerate(lines, 1)
        if number not in marked and CODE_MARK.search(line)
    }


def strip_marks(cell: Cell) -> tuple[str, tuple[int, ...]]:
    """The cell's source without its marks, and the file's line of each line that is left."""
    kept = {at: line for at, line in enumerate(_without_marks(cell.source)) if line is not None}
    return "\n".join(kept.values()), tuple(cell.line_at(at + 1) for at in kept)


def hidden_parts(source: str) -> frozenset[str]:
    """What of a cell pages do not show, as comments say: `code`, `outputs`, or both.

    `# Hide code`, `# Hide outputs`, `#@hide_code`, `#@hide_output`, and `#@hide` for both;
    with `#@hide_all` also `rest`: all that follows.
    """
    parts: set[str] = set()
    for found in HIDE.finditer(source):
        name = (found[1] or found[2] or "").lower()
        parts |= {"code"} if "code" in name else {"outputs"} if name else {"code", "outputs"}
        if name == "all":
            parts |= {"code", "outputs", "rest"}
    return frozenset(parts)


def tags_of(cell: Cell) -> tuple[str, ...]:
    """The cell tags that `#@tags a b` gives, each once; a comma separates them, too."""
    values = " ".join(mark.value for mark in find_marks(cell.source) if mark.name == "tags")
    return tuple(dict.fromkeys(values.replace(",", " ").split()))


def tolerance_of(cell: Cell, file: str) -> float:
    """How far a number among a cell's outputs may be from the recorded one, as `#@tolerance` says.

    The difference is compared with the tolerance times the recorded number, or times 1 if that is
    less. 0 without a mark.

    Raises:
        BookError: what the mark says is no number between 0 and 1.
    """
    for mark in find_marks(cell.source):
        if mark.name == "tolerance":
            try:
                if 0 < float(mark.value) < 1:
                    return float(mark.value)
            except ValueError:
                pass
            message = f"#@tolerance {mark.value}: want a number between 0 and 1, such as 1e-3"
            raise BookError([Problem(file, cell.line_at(mark.line), message)])
    return 0.0


def quick_source(cell: Cell, file: str) -> str:
    """The cell's source with each `#@quick` value in place of the one readers see.

    Raises:
        BookError: the cell is not Python, the mark does not stand behind an assignment, or its
            value is not Python.
    """
    marks = [mark for mark in find_marks(cell.source) if mark.name == "quick"]
    if not marks:
        return cell.source
    values = _assigned_values(_tree(cell, file, "quick"))
    lines = cell.source.split("\n")
    problems = []
    for mark in reversed(marks):
        value = values.get(mark.line)
        where = cell.line_at(mark.line)
        if value is None:
            message = "#@quick stands behind an assignment on one line: `n = 20  #@quick 1`"
            problems.append(Problem(file, where, message))
            continue
        try:
            ast.parse(mark.value, mode="eval")
        except NOT_PYTHON:
            message = f"#@quick {mark.value}: not a Python expression"
            problems.append(Problem(file, where, message))
            continue
        row = lines[mark.line - 1].encode()  # ast counts columns in UTF-8 bytes
        before, after = row[: value.col_offset], row[value.end_col_offset :]
        lines[mark.line - 1] = (before + mark.value.encode() + after).decode()
    if problems:
        raise BookError(problems)
    return "\n".join(lines)


def _assigned_values(tree: ast.Module) -> dict[int, ast.expr]:
    """The value of each assignment that stands on one line, by that line; the outermost counts."""
    values: dict[int, ast.expr] = {}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        if node.lineno == node.end_lineno:
            values.setdefault(node.lineno, node.value)
    return values


def saved_blocks(cell: Cell, file: str) -> list[str]:
    """The statements that `#@save` marks, as source.

    A mark behind a statement saves that statement. A mark on a line of its own saves what
    follows: statements without a blank line between them, through the first compound one.

    Raises:
        BookError: the cell is not Python, nothing follows the mark, or what follows is IPython's.
    """
    lines = _without_marks(cell.source)
    blocks = []
    for first, last in saved_lines(cell, file):
        end = _with_comments(lines, last)
        block = "\n".join(line for line in lines[first - 1 : end] if line is not None)
        if python_of(block) != block:
            message = "#@save marks a line of IPython, which no module can hold"
            raise BookError([Problem(file, cell.line_at(first), message)])
        blocks.append(block)
    return blocks


def saved_lines(cell: Cell, file: str) -> list[tuple[int, int]]:
    """First and last lines (from 1) of what each `#@save` saves, without what one above it does.

    Raises:
        BookError: the cell is not Python, or nothing follows the mark.
    """
    marks = [mark for mark in find_marks(cell.source) if mark.name == "save"]
    if not marks:
        return []
    body = [(*_span(node), hasattr(node, "body")) for node in _tree(cell, file, "save").body]
    lasts = [last for _, last, _ in body]
    found = []
    saved: set[tuple[int, int]] = set()
    for mark in marks:
        spans = _saved_spans(body[bisect_left(lasts, mark.line) :], mark)
        if not spans:
            where = cell.line_at(mark.line)
            raise BookError([Problem(file, where, "#@save marks nothing: no statement follows")])
        spans = [span for span in spans if span not in saved]
        if spans:  # a class may be marked, and its methods too
            saved.update(spans)
            found.append((spans[0][0], spans[-1][1]))
    return found


def _with_comments(lines: Sequence[str | None], last: int) -> int:
    """The last line of a statement with the indented comments that end its body.

    For the syntax tree it ends before them.
    """
    for number, line in enumerate(lines[last:], start=last + 1):
        if line and line.strip():
            if not re.match(r"[ \t]+#", line):
                break
            last = number
    return last


def _tree(cell: Cell, file: str, mark: str) -> ast.Module:
    try:
        return ast.parse(python_of(cell.source))
    except NOT_PYTHON as error:
        line = cell.line_at(getattr(error, "lineno", None) or 1)
        message = f"#@{mark} in a cell that is not Python: {getattr(error, 'msg', error)}"
        raise BookError([Problem(file, line, message)]) from None


def _span(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return first, node.end_lineno or node.lineno


def _saved_spans(body: list[tuple[int, int, bool]], mark: Mark) -> list[tuple[int, int]]:
    """First and last lines of the statements that a mark saves.

    Args:
        body: first and last line of each statement that does not end above the mark, and whether
            it has a body of its own.
    """
    spans: list[tuple[int, int]] = []
    for first, last, has_body in body:
        if first <= mark.line:
            return [(first, last)]
        if spans and first > spans[-1][1] + 1:
            break
        spans.append((first, last))
        if has_body:
            break
    return spans


def _without_marks(source: str) -> list[str | None]:
    """The lines without marks; None for a line that held nothing else."""
    lines: list[str | None] = list(source.split("\n"))
    for mark in find_marks(source):
        line = lines[mark.line - 1]
        assert line is not None
        lines[mark.line - 1] = line[: mark.column].rstrip() or None
    return lines
