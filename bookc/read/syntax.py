"""The words of the syntax: every mark, role and fence, declared once, with what finds them.

Reading, lint, sync and activate take them from here. A new mark is a row in a table below, and the
code that gives it its meaning.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CodeMark:
    """A comment `#@name value` in a code cell.

    Attributes:
        name: as it is written.
        marks: what it speaks of: its whole cell, or the statement that it stands at.
        help: what it says.
        in_notebooks: whether notebooks keep the comment.
    """

    name: str
    marks: Literal["cell", "statement"]
    help: str
    in_notebooks: bool = False


CODE_MARKS = (
    CodeMark("tab", "cell", "the tabs that see the cell; on its first line, also as `%%tab`"),
    CodeMark("save", "statement", "the definition goes to the library"),
    CodeMark("quick", "statement", "the value that quick runs assign instead"),
    CodeMark("tags", "cell", "the cell's tags in the notebook"),
    CodeMark("tolerance", "cell", "how far a number may be from the recorded one: `1e-3`"),
    CodeMark("checks", "cell", "the equation that the cell checks: its label and its digest"),
    CodeMark("hide", "cell", "pages show neither the code nor its outputs", True),
    CodeMark("hide_code", "cell", "pages do not show the code", True),
    CodeMark("hide_output", "cell", "pages do not show the outputs", True),
    CodeMark("hide_outputs", "cell", "as hide_output", True),
    CodeMark("hide_all", "cell", "pages show neither this cell nor any that follows", True),
)
# Marks on a line of their own that speak of the block before them: :label:`sec_gan`
BLOCK_MARKS = ("label", "eqlabel", "width", "height", "bibliography")
# Roles in a sentence: as :numref:`sec_gan` shows. `citep` is another name of `cite`.
ROLES = ("numref", "ref", "eqref", "cite", "citep", "citet")
TAB_BLOCKS = ("begin_tab", "end_tab")  # :begin_tab:`mxnet`, on lines of their own


def _any(names: Iterable[str]) -> str:
    return "|".join(names)


HIDDEN = [mark.name for mark in CODE_MARKS if not mark.in_notebooks]
OF_STATEMENT = [mark.name for mark in CODE_MARKS if mark.marks == "statement"]
VALUE = r":`+([^`\n]+)`+"  # d2lbook takes doubled backticks, too

# In code. A mark is a Python comment: what only looks like one is for read/marks.py to tell.
CODE_MARK = re.compile(rf"#\s*@({_any(HIDDEN)})\b[ \t]*(.*)$", re.MULTILINE)
STATEMENT_MARK = re.compile(rf"#\s*@(?:{_any(OF_STATEMENT)})\b")
TAB_MARK = re.compile(r"\s*(?:#\s*@tab|(?:#\s*)?%%tab)\b(.*)$")
# In prose.
BLOCK_MARK = re.compile(rf":({_any(BLOCK_MARKS)}){VALUE}")
BLOCK_MARK_LINE = re.compile(rf"(?:\s*:(?:{_any(BLOCK_MARKS)}):`+[^`\n]+`+)+\s*")
ROLE = re.compile(rf":({_any(ROLES)}){VALUE}")
TAB_BLOCK = re.compile(rf":[ \t]*({_any(TAB_BLOCKS)}):[ \t]*(?:`([^`]*)`)?\s*$")
TAB_BLOCK_WITH_TEXT = re.compile(rf":({_any(TAB_BLOCKS)}):")  # of a line that is no TAB_BLOCK
# A fence, and what stands behind the one that opens a cell, or holds what a cell printed.
FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})\s*(.*)$")
INPUT = re.compile(r"\{[^}]*\.input\b[^}]*\}\s*")
# The same within a list or a quotation, or behind a blank: no cell and no block.
INDENTED = re.compile(
    rf"[ \t>]+(?:(?:`{{3,}}|~{{3,}})\s*\{{[^}}]*\.input\b|:[ \t]*({_any(TAB_BLOCKS)}):)"
)
OUTPUT = re.compile(r"\{[^}]*\.output\b[^}]*\}\s*")


def is_toc(info: str) -> bool:
    """Whether what stands behind a fence says that the sections below the page are listed."""
    return info.strip() == "toc"


def toc_names(text: str) -> Iterator[tuple[int, str]]:
    """The rows of a toc block, from 0, with the section that each names, as it is written."""
    for row, line in enumerate(text.split("\n")):
        name = line.strip().removesuffix(".md")
        if name and not name.startswith(":"):
            yield row, name


def section_path(name: str, page: str) -> str:
    """The path of a section that a page names relative to itself."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), name))


def role_name(found: re.Match[str]) -> str:
    """The name of a role, whose other name may be the one that was found."""
    return "cite" if found[1] == "citep" else found[1]
