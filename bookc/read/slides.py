"""Prose -> the same without d2lbook's slide marks: `[**on a slide**]`, `[~~only on a slide~~]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from markdown_it import MarkdownIt

from bookc.read.fences import Fences
from bookc.read.syntax import FENCE

MARK = re.compile(r"[\[(](?:\*\*|~~)|(?:\*\*|~~)[])]")
BACKTICKS = re.compile("`+")
INDENTED = re.compile(r"^(?: {4}| {0,3}\t).*(?:\*\*|~~)", re.M)  # code, or a list's paragraph
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
    """Where blocks of code and code spans begin and end, in order."""
    lines = source.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    fences = Fences(lines, lambda run, rest: False)
    indented = _indented(source) if INDENTED.search(source) else {}
    paragraph = number = 0
    while number < len(lines):
        last = indented.get(number)
        if last is None and (fence := FENCE.match(lines[number])):
            last = fences.closing(number, fence[1], of_cell=False)
        if last is not None or not lines[number].strip():
            yield from _code_spans(source, offsets[paragraph], offsets[number])
            if last is not None:
                yield offsets[number], offsets[last + 1]
                number = last
            paragraph = number + 1
        number += 1
    yield from _code_spans(source, offsets[paragraph], len(source))


def _indented(source: str) -> dict[int, int]:
    """First and last lines of the indented blocks of code, which only a parser can tell."""
    tokens = _blocks().parse(source)
    maps = [token.map for token in tokens if token.type == "code_block" and token.map]
    return {first: end - 1 for first, end in maps}


@cache
def _blocks() -> MarkdownIt:
    md = MarkdownIt("commonmark").disable(["html_block"])
    md.core.ruler.enableOnly(["normalize", "block"])
    return md


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
