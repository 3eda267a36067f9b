"""What pages show of a block of reStructuredText, which d2lbook hands to Sphinx.

Its titles are headings, and what it documents is a list of names. Everything else in such blocks
steers Sphinx.
"""

from __future__ import annotations

import re
from itertools import pairwise

LEVELS = "=-~^"  # underlines of a page's title, its sections and those within them
UNDERLINE = re.compile(rf"([{re.escape(LEVELS)}])\1*")
DOCUMENTED = re.compile(r"\.\. auto\w+:: *([\w.]+)")


def to_markdown(text: str) -> str:
    """The Markdown of a block's titles and of the names that it documents."""
    shown = []
    for line, following in pairwise([*(line.strip() for line in text.split("\n")), ""]):
        if named := DOCUMENTED.match(line):
            shown.append(f"- `{named[1]}`")
        elif line and len(following) >= len(line) and (under := UNDERLINE.fullmatch(following)):
            shown.append(f"\n{'#' * (LEVELS.index(under[1]) + 1)} {line}\n")
    return "\n".join(shown)
