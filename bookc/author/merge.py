"""(source, what it compiled to, that as edited) -> the source with the edit: a three-way merge.

The compiled text is the base of the merge; the source differs from it by marks that were taken out
and references that were written out, the edited text by what an author changed. A change of what
the compiler wrote itself has no place in the source, and nothing is guessed: it is a conflict.
(difflib does the work. The library merge3 merges whole lines only, and its licence is the GPL.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher

from bookc.read.syntax import BLOCK_MARK_LINE, CODE_MARK, ROLE, STATEMENT_MARK

REFERENCE = re.sub(r"[(](?![?])", "(?:", ROLE.pattern)  # without groups
SLIDE = "~~"  # around what only slides show
TOKEN = re.compile(rf"{REFERENCE}|{SLIDE}|\[[^\]\n]*\]\([^)\n]*\)|\w+|\s+|.")
REFERENCE_ALONE = re.compile(rf"(?:{REFERENCE}|\s)*")
NAME = re.compile(r"\w+")
ALIKE = 0.5  # the least share of common words for two lines to be versions of one
TABLE_ROW = re.compile(r"\s*\|")
MARKS_ONLY = re.compile(r"\s*#\s*@\w+\b.*")  # a line of code that is a mark and nothing else
MARK_BEHIND = re.compile(rf"(?P<code>.*\S)(?P<mark>\s*{CODE_MARK.pattern})")


class Conflict(Exception):
    """An edit that has no certain place in the source.

    Attributes:
        line: which line of the source it is about, from 0.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def merge(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    origin: Mapping[int, int],
) -> list[str]:
    """The lines of the source with the author's edit made in them.

    Args:
        source: a cell as it stands in the Markdown file.
        compiled: what the compiler made of it.
        edited: what the author made of that.
        origin: for each compiled line the line of the source that it comes from, both from 0;
            lines that the compiler added have none.

    Raises:
        Conflict: the edit touches what has no place in the source.
    """
    hidden = set(range(len(source))) - set(origin.values())
    units = _units(source, origin, hidden)
    shifts = {at: _shift(source[row], compiled[at]) for at, row in origin.items()}
    became = pair(compiled, edited)
    kept = set(became)
    for at in sorted(units.keys() - kept):  # a line that moved takes what is hidden along
        if len(units[at]) > 1 or source[origin[at]].strip() != compiled[at].strip():
            free = set(range(len(edited))) - set(became.values())
            same = (new for new in free if edited[new].strip() == compiled[at].strip())
            if (new := min(same, default=None)) is not None:
                became[at] = new
    _refuse_lost_marks(source, compiled, edited, units, became)

    def version(at: int) -> list[str]:
        own, row = source[origin[at]][shifts[at] :], origin[at]
        line = _merged(own, compiled[at], edited[became[at]], row)
        return [line if one == row else source[one] for one in units[at]]

    result = [[line] for line in source]
    for at in units.keys() - kept:
        for row in units[at]:
            result[row] = []
    was = {new: at for at, new in became.items()}
    # New lines go with the line before them, behind its marks; the first ones with the next line.
    front: list[str] = []
    anchor, shift = -1, shifts[min(units)] if units else 0
    for new, line in enumerate(edited):
        at = was.get(new, -1)
        if at in units and at in kept:
            anchor, shift = origin[at], shifts[at]
            for row, one in zip(units[at], version(at), strict=True):
                result[row] = [" " * shift * (row == anchor) + one]
        elif at not in kept:
            lines = version(at) if at in units else [line]
            row = anchor
            in_table = TABLE_ROW.match(line) and TABLE_ROW.match(source[row])
            while row + 1 in hidden and _is_mark(source[row + 1]) and not in_table:
                row += 1
            place = result[row] if anchor >= 0 else front
            place += [" " * shift + one if one.strip() else one for one in lines]
    first = units[min(units)][0] if units else len(source)
    return [line for lines in [*result[:first], front, *result[first:]] for line in lines]


def owner(lines: Sequence[str], row: int) -> int:
    """The line that a mark on a line of its own speaks of (:label:): of a table the first one."""
    while row and (_is_mark(lines[row]) or not lines[row].strip()):
        row -= 1
    while row and TABLE_ROW.match(lines[row]) and TABLE_ROW.match(lines[row - 1]):
        row -= 1
    return row


def _units(
    source: Sequence[str], origin: Mapping[int, int], hidden: Collection[int]
) -> dict[int, list[int]]:
    """For each compiled line its line of the source, with the lines of nothing but its marks.

    In prose marks follow what they mark, in code they stand above it (#@save); a `#@tags` belongs
    to its whole cell.
    """
    marks: dict[int, list[int]] = {}
    for row in sorted(hidden):
        if _is_mark(source[row]):
            marks.setdefault(owner(source, row), []).append(row)
        elif STATEMENT_MARK.match(source[row].lstrip()):
            own = row
            while own in hidden and MARKS_ONLY.fullmatch(source[own]):
                own += 1
            marks.setdefault(own, []).append(row)
    return {at: sorted([row, *marks.get(row, ())]) for at, row in origin.items()}


def _is_mark(line: str) -> bool:
    return BLOCK_MARK_LINE.fullmatch(line) is not None


def _refuse_lost_marks(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    units: Mapping[int, Sequence[int]],
    became: Mapping[int, int],
) -> None:
    """Refuse that lines with marks became others, as far as can be told.

    No other new line may be more like it; and a mark (`#@save`, `#@quick`) speaks of its line's
    code, of which some word must be left.
    """
    for kind, c1, c2, e1, e2 in _opcodes(compiled, edited):
        for at in range(c1, c2) if kind == "replace" else ():
            rows = [source[row] for row in units.get(at, ())]
            marks = any(STATEMENT_MARK.search(row) for row in rows)
            if len(rows) < 2 and not marks:
                continue
            line, new = compiled[at], edited[became[at]] if at in became else ""
            likeness = max(alike(line, edited[other]) for other in range(e1, e2))
            named = not marks or set(NAME.findall(line)) & set(NAME.findall(new))
            if at not in became or likeness > alike(line, new) or not named:
                message = (
                    f"cannot tell which of the new lines has become of '{rows[0].strip()}', whose "
                    "marks a notebook does not show: edit it in the Markdown file"
                )
                raise Conflict(message, units[at][0])


def align(compiled: Sequence[str], source: Sequence[str]) -> dict[int, int]:
    """For each compiled line of prose the source line that it was made of, as far as one is."""
    shown = set(compiled)
    rows = [r for r, line in enumerate(source) if line in shown or not _is_mark(line)]
    return {at: rows[row] for at, row in pair(compiled, [source[row] for row in rows]).items()}


def pair(base: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """For each line of a text the line of another version that is the same, or became of it."""
    partners: dict[int, int] = {}
    for kind, b1, b2, o1, o2 in _opcodes(base, other):
        if kind == "equal" or b2 - b1 == o2 - o1:
            partners.update(zip(range(b1, b2), range(o1, o2), strict=True))
            continue
        for at in range(b1, b2):
            ratios = {row: alike(base[at], other[row]) for row in range(o1, o2)}
            best = max(ratios, key=ratios.__getitem__, default=o1)
            if ratios.get(best):
                partners[at] = best
                o1 = best + 1
    return partners


def alike(one: str, other: str) -> float:
    """How alike two lines are, from 0 to 1; 0 for less than `ALIKE`."""
    written_out = ".+?".join(map(re.escape, re.split(REFERENCE, other)))
    if REFERENCE_ALONE.fullmatch(other) is None and re.fullmatch(written_out, one):
        return 1  # the same line, with its references written out
    a, b = ([token for token in TOKEN.findall(line) if token.strip()] for line in (one, other))
    ratio = SequenceMatcher(None, a, b, autojunk=False).ratio() if a and b else 0
    return ratio if ratio >= ALIKE else 0


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, one, other, autojunk=False).get_opcodes()


def _shift(source: str, compiled: str) -> int:
    """By how many spaces a line is indented more in the source."""
    indents = [len(line) - len(line.lstrip(" ")) for line in (source, compiled)]
    return max(0, indents[0] - indents[1]) if compiled.strip() else 0


def _merged(source: str, compiled: str, edited: str, row: int) -> str:
    """One line of the source with the edit of what it compiled to, token by token."""
    marked = MARK_BEHIND.fullmatch(source)
    if marked and not compiled.endswith(marked["mark"]):
        return _merged(marked["code"], compiled, edited, row) + marked["mark"]
    if source == compiled:
        return edited
    s, c, e = (TOKEN.findall(line) for line in (source, compiled, edited))
    # Where in the source the compiled text up to a token ends, and where that from it on begins.
    ends, begins = {0: 0}, {len(c): len(s)}
    for kind, s1, s2, c1, _ in _opcodes(s, c):
        for at in range(s2 - s1) if kind == "equal" else ():
            begins[c1 + at] = s1 + at
            ends[c1 + at + 1] = s1 + at + 1
    for kind, c1, c2, e1, e2 in reversed(_opcodes(c, e)):
        if kind == "equal":
            continue
        # What the compiler wrote may only be replaced as a whole: its ends have a place.
        end = ends.get(c2, begins.get(c2))
        start = end if c1 == c2 else begins.get(c1, ends.get(c1))
        if start is None or end is None or SLIDE in s[start:end]:
            if SLIDE not in s and not alike(compiled, edited):
                return edited  # another line: words in common are so by chance
            written = "".join(c[c1:c2]) or "".join(c[max(0, c1 - 1) : c1 + 1])
            message = f"'{written}' is not in the source, which has '{source.strip()}': edit that"
            raise Conflict(message, row)
        s[start:end] = e[e1:e2]
    return "".join(s)
