"""d2lbook's slide marks: `[**shown on a slide**]`, `(**on the same**)`, `[~~only there~~]`."""

from __future__ import annotations

import re

MARK = re.compile(r"[\[(](?:\*\*|~~)|(?:\*\*|~~)[])]")
CLOSING = {"[**": "**]", "(**": "**)", "[~~": "~~]", "(~~": "~~)"}


def strip_slides(source: str) -> str:
    """The prose of notebooks and pages: without the marks and without what only slides show.

    Line breaks stay, so that line numbers do. A mark without its partner is plain text, and so
    is `[**bold**](link)`.
    """
    if "**" not in source and "~~" not in source:
        return source
    opened: dict[str, re.Match[str]] = {}
    cuts: list[tuple[int, int]] = []
    for mark in MARK.finditer(source):
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
