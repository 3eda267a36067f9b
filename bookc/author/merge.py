"""(source, what it compiled to, that as edited) -> the source with the edit: a three-way merge.

The compiled text is the base of the merge; the source differs from it by marks that were taken out
and references that were written out, the edited text by what an author changed. A change of what
the compiler wrote itself has no place in the source, and nothing is guessed: it is a conflict.
(difflib does the work. The library merge3 merges whole lines only, and its licence is the GPL.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bookc.read.syntax import BLOCK_MARK_LINE, CODE_MARK, ROLE, STATEMENT_MARK

REFERENCE = re.compile(rf"(?:{re.sub(r'[(](?![?])', '(?:', ROLE.pattern)})")  # without groups
LINK = r"\[[^\]\n]*\]\([^)\n]*\)"
TOKEN = re.compile(rf"{REFERENCE.pattern}|{LINK}|\w+|\s+|.")
NAME = re.compile(r"\w+")
ALIKE = 0.5  # the least share of common words for two lines to be versions of one
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


@dataclass(frozen=True, slots=True)
class Texts:
    """The three texts of one cell, as lines.

    Attributes:
        source: as it stands in the Markdown file.
        compiled: what the compiler made of it.
        edited: what the author made of that.
        origin: for each compiled line the line of the source that it comes from, both from 0;
            lines that the compiler added have none.
    """

    source: Sequence[str]
    compiled: Sequence[str]
    edited: Sequence[str]
    origin: Mapping[int, int]

    def marks_of(self, at: int) -> list[int]:
        """The source lines of nothing but marks that belong to a compiled line.

        In prose they follow what they mark (:label:), in code they stand above it (#@save); a
        `#@tags` belongs to its whole cell.
        """
        hidden = set(range(len(self.source))) - set(self.origin.values())
        own = self.origin[at]
        found = []
        below, above = own + 1, own - 1
        while below in hidden and BLOCK_MARK_LINE.fullmatch(self.source[below]):
            found.append(below)
            below += 1
        while above in hidden and MARKS_ONLY.fullmatch(self.source[above]):
            if STATEMENT_MARK.match(self.source[above].lstrip()):
                found.append(above)
            above -= 1
        return found

    def concealed(self, at: int) -> list[str]:
        """The source lines that a compiled line stands for, unless it shows them as they are."""
        if at not in self.origin:
            return []
        own = self.source[self.origin[at]]
        marks = [self.source[mark] for mark in self.marks_of(at)]
        return [own, *marks] if marks or own.strip() != self.compiled[at].strip() else []

    def hunks(self) -> list[tuple[int, int, int, int]]:
        """The ranges of compiled lines that the author replaced, and of lines that he put there."""
        codes = _opcodes(self.compiled, self.edited)
        return [(c1, c2, e1, e2) for kind, c1, c2, e1, e2 in codes if kind != "equal"]


def merge(texts: Texts) -> list[str]:
    """The lines of the source with the author's edit made in them.

    Raises:
        Conflict: the edit touches what has no place in the source.
    """
    partners = _partners(texts)
    moved = _moved(texts, partners)
    became = {new: at for at, new in partners.items()}
    replaced: dict[int, list[str]] = {}  # source line -> what stands there instead
    added: dict[int, list[str]] = {}  # source line -> what is put in before it
    for c1, c2, e1, e2 in texts.hunks():
        for at in range(c1, c2):
            if at in partners and at in texts.origin:
                row = texts.origin[at]
                line = _merged(
                    texts.source[row], texts.compiled[at], texts.edited[partners[at]], row
                )
                replaced[row] = [line]
            elif at in texts.origin:
                replaced |= {row: [] for row in [texts.origin[at], *texts.marks_of(at)]}
        before = c1  # new lines are put in before what this compiled line comes from
        for new in range(e1, e2):
            if new in became:
                before = became[new] + 1
                continue
            place, shift = _place(texts, before)
            line = moved.get(new, texts.edited[new])
            added.setdefault(place, []).append(" " * shift + line if line.strip() else line)
    result: list[str] = []
    for row, line in enumerate(texts.source):
        result += [*added.get(row, ()), *replaced.get(row, (line,))]
    return result + added.get(len(texts.source), [])


def align(compiled: Sequence[str], source: Sequence[str]) -> dict[int, int]:
    """For each compiled line the source line that is the same or a version of it, in order."""
    origin: dict[int, int] = {}
    for kind, c1, c2, s1, s2 in _opcodes(compiled, source):
        if kind == "equal":
            origin.update(zip(range(c1, c2), range(s1, s2), strict=True))
        elif kind == "replace":
            free = s1
            for at in range(c1, c2):
                best = _best(source, compiled[at], range(free, s2))
                if best is not None:
                    origin[at] = best
                    free = best + 1
    return origin


def moved_message(line: str) -> str:
    return (
        f"'{line.strip()}' was moved, and a notebook does not show its marks or references: move "
        "it in the Markdown file"
    )


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, one, other, autojunk=False).get_opcodes()


def _best(lines: Sequence[str], line: str, among: range) -> int | None:
    """Which line is most like another one; the first of several, None if none is alike."""
    ratios = {at: alike(line, lines[at]) for at in among}
    best = max(ratios, key=ratios.__getitem__, default=None)
    return best if best is not None and ratios[best] else None


def alike(compiled: str, source: str) -> float:
    """How alike two lines are, from 0 to 1; 0 for less than `ALIKE`."""
    if not compiled.strip() or not source.strip():
        return 0.0
    literals = REFERENCE.split(source)
    written_out = ".+?".join(map(re.escape, literals))
    if len(literals) > 1 and "".join(literals).strip() and re.fullmatch(written_out, compiled):
        return 1.0  # the same line, with its references written out
    one, other = (
        [token for token in TOKEN.findall(line) if not token.isspace()]
        for line in (compiled, source)
    )
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if ratio >= ALIKE else 0.0


def _partners(texts: Texts) -> dict[int, int]:
    """For the replaced compiled lines that live on, the edited lines that they became."""
    partners: dict[int, int] = {}
    for c1, c2, e1, e2 in texts.hunks():
        free = e1
        for at in range(c1, c2):
            if c2 - c1 == e2 - e1:
                partners[at] = e1 + at - c1
            elif (best := _best(texts.edited, texts.compiled[at], range(free, e2))) is not None:
                partners[at] = best
                free = best + 1
        for at in range(c1, c2) if e1 < e2 else ():
            concealed = texts.concealed(at)
            if concealed and not _lives_on(texts, at, partners.get(at), range(e1, e2), concealed):
                message = (
                    f"cannot tell which of the new lines has become of '{concealed[0].strip()}', "
                    "whose marks or references a notebook does not show: edit it in the Markdown "
                    "file"
                )
                raise Conflict(message, texts.origin[at])
    return partners


def _lives_on(
    texts: Texts, at: int, new: int | None, among: range, concealed: Sequence[str]
) -> bool:
    """Whether a line that conceals something has become line `new`, as far as can be told.

    No other new line may be more like it; and a mark (`#@save`, `#@quick`) speaks of its line's
    code, of which some word must be left.
    """
    if new is None:
        return False
    line = texts.compiled[at]
    likeness = alike(line, texts.edited[new])
    if any(alike(line, texts.edited[other]) > likeness for other in among if other != new):
        return False
    is_marked = any(STATEMENT_MARK.search(one) for one in concealed)
    return not is_marked or bool(set(NAME.findall(line)) & set(NAME.findall(texts.edited[new])))


def _moved(texts: Texts, partners: Mapping[int, int]) -> dict[int, str]:
    """For new lines that stood elsewhere in the cell, what they are in the source."""
    hunks = texts.hunks()
    gone = {
        texts.compiled[at].strip(): at
        for c1, c2, _, _ in hunks
        for at in range(c1, c2)
        if at not in partners and texts.concealed(at)
    }
    result = {}
    for new in (new for _, _, e1, e2 in hunks for new in range(e1, e2)):
        at = gone.pop(texts.edited[new].strip(), None)
        if at is None:
            continue
        own, *marks = texts.concealed(at)
        if marks or new in partners.values():
            raise Conflict(moved_message(own), texts.origin[at])
        own = own[_shift(own, texts.compiled[at]) :]
        result[new] = _merged(own, texts.compiled[at], texts.edited[new], texts.origin[at])
    return result


def _place(texts: Texts, before: int) -> tuple[int, int]:
    """Where a new line before a compiled line belongs: source line and indentation.

    It goes with the line before it, behind the marks that are that line's; with the next line
    only at the very beginning.
    """
    previous = next((at for at in range(before - 1, -1, -1) if at in texts.origin), None)
    if previous is not None:
        row = texts.origin[previous]
        place = max([row, *texts.marks_of(previous)]) + 1
        return place, _shift(texts.source[row], texts.compiled[previous])
    following = next((at for at in range(before, len(texts.compiled)) if at in texts.origin), None)
    if following is None:
        return 0, 0
    place = texts.origin[following]
    while place and MARKS_ONLY.fullmatch(texts.source[place - 1]):
        place -= 1
    return place, _shift(texts.source[texts.origin[following]], texts.compiled[following])


def _shift(source: str, compiled: str) -> int:
    """By how many spaces a line is indented more in the source."""
    indents = [len(line) - len(line.lstrip(" ")) for line in (source, compiled)]
    return max(0, indents[0] - indents[1]) if compiled.strip() else 0


def _merged(source: str, compiled: str, edited: str, row: int) -> str:
    """One line of the source with the edit of what it compiled to, token by token."""
    if source == compiled:
        return edited
    shift = _shift(source, compiled)
    indent, source = source[:shift], source[shift:]
    behind = MARK_BEHIND.fullmatch(source)
    if behind and not compiled.endswith(behind["mark"]):
        return indent + _merged(behind["code"], compiled, edited, row) + behind["mark"]
    s, c, e = TOKEN.findall(source), TOKEN.findall(compiled), TOKEN.findall(edited)
    place = {-1: -1, len(c): len(s)}  # compiled token -> source token, with the ends of the line
    for kind, s1, s2, c1, c2 in _opcodes(s, c):
        if kind == "equal":
            place.update(zip(range(c1, c2), range(s1, s2), strict=True))
    result = list(s)
    for kind, c1, c2, e1, e2 in reversed(_opcodes(c, e)):
        if kind == "equal":
            continue
        # What the compiler wrote may only be replaced as a whole: its ends have a place.
        end = next(_ends(place, c2, behind=False), None)
        start = end if c1 == c2 else next(_ends(place, c1, behind=True), None)
        if start is None or end is None:
            if not alike(compiled, edited):
                return indent + edited  # another line: words in common are so by chance
            written = "".join(c[c1:c2]) or "".join(c[max(0, c1 - 1) : c1 + 1])
            message = f"'{written}' is not in the source, which has '{source.strip()}': edit that"
            raise Conflict(message, row)
        result[start:end] = e[e1:e2]
    return indent + "".join(result)


def _ends(place: Mapping[int, int], at: int, behind: bool) -> Iterator[int]:
    """The source tokens that begin where compiled token `at` does; that behind the gap first."""
    found = [place[at - 1] + 1] if at - 1 in place else []
    following = [place[at]] if at in place else []
    yield from [*following, *found] if behind else [*found, *following]
