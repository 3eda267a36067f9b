"""d2lbook's slide marks: `[**shown on a slide**]`, `(**on the same**)`, `[~~only there~~]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import accumulate

from bookc.fences import Fences
from bookc.parse import FENCE

MARK = re.compile(r"[\[(](?:\*\*|~~)|(?:\*\*|~~)[])]")
BACKTICKS = re.compile("`+")
NO_MORE = (sys.maxsize, sys.maxsize)
CLOSING = {"[**": "**]", "(**": "**)", "[~~": "~~]", "(~~": "~~)"}


def strip_slides(source: str) -> str:
    """The prose of notebooks and pages: without the marks and without what only slides show.

    Line breaks stay, so that line numbers do. A mark without its partner is plain text, and so
    is `[**bold**](link)`; in code there are none.
    """
    if "**" not in source and "~~" not in source:
        return source
    opened: dict[str, re.Match[str]] = {}
    cuts: list[tuple[int, int]] = []
    code = _code(source)
    start, end = next(code, NO_MORE)
    for mark in MARK.finditer(source):
        while end <= mark.start():
            start, end = next(code, NO_MORE)
        if start <= mark.start():
            continue
        if mark[0] in CLOSING:
            opened[CLOSING[mark[0]]] = mark
        elif (opening := opened.pop(mark[0], None)) is not None:
            if mark[0].endswith("]") and source.startswith("(", mark.end()):
                continue
            if "~~" in mark[0]:
                cuts.append((opening.start(), mark.end()))
            else:
                cuts += [opening.span(), mark.span()]
    parts = []
    at = 0
    for start, end in sorted(cuts):
        parts.append(source[at:start])
        parts.append("\n" * source.count("\n", max(at, start), end))
        at = max(at, end)
    return "".join([*parts, source[at:]])


def _code(source: str) -> Iterator[tuple[int, int]]:
    """Where fenced blocks and code spans begin and end, in order."""
    lines = source.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    fences = Fences(lines, lambda run, rest: False)
    paragraph = number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        closing = fences.closing(number, fence[1], of_cell=False) if fence else None
        if closing is not None or not lines[number].strip():
            yield from _code_spans(source, offsets[paragraph], offsets[number])
            if closing is not None:
                yield offsets[number], offsets[closing + 1]
                number = closing
            paragraph = number + 1
        number += 1
    yield from _code_spans(source, offsets[paragraph], len(source))


def _code_spans(source: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Those of one paragraph: from a run of backticks to the next one of its length."""
    runs = list(BACKTICKS.finditer(source, first, last))
    ends: dict[int, list[int]] = {}  # of the runs, by length, last one first
    for run in reversed(runs):
        ends.setdefault(len(run[0]), []).append(run.end())
    at = first
    for run in runs:
        later = ends[len(run[0])]
        while later and later[-1] <= run.end():
            later.pop()
        if later and run.start() >= at:
            at = later[-1]
            yield run.start(), at
