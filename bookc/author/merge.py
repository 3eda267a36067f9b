"""(source, what it compiled to, that text as edited) -> the source with the edit in it.

A compiled text is its source with marks taken out and references written out. Lines and words
that stand in both are the same place; an edit there is made in the source. An edit of what the
compiler wrote itself has no place in the source, and nothing is guessed: it is refused. The
caller compiles the result again and so knows whether it is what was wanted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from bookc.read.syntax import BLOCK_MARK_LINE, CODE_MARK, ROLES, STATEMENT_MARK

ROLE = rf":(?:{'|'.join(ROLES)}):`+[^`\n]+`+"
REFERENCE = re.compile(ROLE)
LINK = r"\[[^\]\n]*\]\([^)\n]*\)"
TOKEN = re.compile(rf"{ROLE}|{LINK}|\w+|\s+|.")
NAME = re.compile(r"\w+")
ALIKE = 0.5  # the least share of common words for two lines to be versions of one
MARKS_ONLY = re.compile(r"\s*#\s*@\w+\b.*")  # a line of code that is a mark and nothing else
MARK_BEHIND = re.compile(rf"(.*\S)(\s*{CODE_MARK.pattern[:-1]})")  # code, its last mark


class Ambiguous(Exception):
    """An edit that has no certain place in the source.

    Attributes:
        line: which line of the source it is about, from 0.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def carry(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    origin: Mapping[int, int] | None = None,
) -> list[str]:
    """The lines of the source with the edit from `compiled` to `edited` made in them.

    Args:
        origin: for each line of `compiled` the line of `source` that it comes from, both
            from 0, where that is known; else alike lines are matched.

    Raises:
        Ambiguous: the edit touches what has no place in the source.
    """
    if origin is None:
        origin = dict(align(compiled, source))
    replaced: dict[int, list[str]] = {}  # source line -> what stands there instead
    added: dict[int, list[str]] = {}  # source line -> what is put in before it
    blocks = [codes for kind, *codes in _opcodes(compiled, edited) if kind != "equal"]
    pairs = [_partners(source, compiled, edited, block, origin) for block in blocks]
    moved = _moved(source, compiled, edited, blocks, pairs, origin)
    for (c1, c2, e1, e2), partners in zip(blocks, pairs, strict=True):
        for at in range(c1, c2):
            if at in origin:
                old = source[origin[at]]
                new = partners.get(at)
                replaced[origin[at]] = (
                    [] if new is None else [_line(old, compiled[at], edited[new], origin[at])]
                )
        if e1 == e2:
            replaced.update((at, []) for at in _hidden_with(source, origin, c1, c2))
        before = c1  # new lines are put in before what this line of `compiled` comes from
        counterpart = {new: at for at, new in partners.items()}
        for new in range(e1, e2):
            if new in counterpart:
                before = counterpart[new] + 1
                continue
            place, shift = _place(source, compiled, origin, before, (c1, c2))
            line = moved.get(new, edited[new])
            added.setdefault(place, []).append(" " * shift + line if line.strip() else line)
    result: list[str] = []
    for at, line in enumerate(source):
        result += added.get(at, ())
        result += replaced.get(at, (line,))
    result += added.get(len(source), [])
    _refuse_plain_text(source, compiled, edited, result, origin)
    return result


def align(compiled: Sequence[str], source: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of lines (in `compiled`, in `source`) that are the same line, in order."""
    for kind, c1, c2, s1, s2 in _opcodes(compiled, source):
        if kind == "equal":
            yield from zip(range(c1, c2), range(s1, s2), strict=True)
        elif kind == "replace":
            for c, s in _match(compiled[c1:c2], source[s1:s2]):
                yield c1 + c, s1 + s


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, one, other, autojunk=False).get_opcodes()


def _match(compiled: Sequence[str], source: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs in order that are most alike in sum, none of them less than `ALIKE`."""
    if len(compiled) * len(source) > 10_000:  # two unlike texts: nothing to be gained
        return []
    score = [[0.0] * (len(source) + 1) for _ in range(len(compiled) + 1)]
    alike = [[_alike(c, s) for s in source] for c in compiled]
    for c in reversed(range(len(compiled))):
        for s in reversed(range(len(source))):
            both = alike[c][s] + score[c + 1][s + 1] if alike[c][s] else 0.0
            score[c][s] = max(both, score[c + 1][s], score[c][s + 1])
    pairs = []
    c = s = 0
    while c < len(compiled) and s < len(source):
        if alike[c][s] and score[c][s] == alike[c][s] + score[c + 1][s + 1]:
            pairs.append((c, s))
            c, s = c + 1, s + 1
        elif score[c][s] == score[c + 1][s]:
            c += 1
        else:
            s += 1
    return pairs


def _alike(compiled: str, source: str) -> float:
    """How alike two lines are, from 0 to 1; 0 for less than `ALIKE`."""
    if not compiled.strip() or not source.strip():
        return 0.0
    if compiled == source:
        return 1.0
    literals = REFERENCE.split(source)
    if len(literals) > 1 and any(part.strip() for part in literals):
        pattern = ".+?".join(re.escape(part) for part in literals)
        if re.fullmatch(pattern, compiled):
            return 1.0
    ratio = SequenceMatcher(None, _words(compiled), _words(source), autojunk=False).ratio()
    return ratio if ratio >= ALIKE else 0.0


def _words(line: str) -> list[str]:
    return [token for token in TOKEN.findall(line) if not token.isspace()]


def _partners(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    block: Sequence[int],
    origin: Mapping[int, int],
) -> dict[int, int]:
    """For the replaced lines of `compiled` that live on, the lines of `edited` they became."""
    c1, c2, e1, e2 = block
    if c2 - c1 == e2 - e1:
        pairs = dict(zip(range(c1, c2), range(e1, e2), strict=True))
    else:
        pairs = {c1 + c: e1 + e for c, e in _match(compiled[c1:c2], edited[e1:e2])}
    for at in range(c1, c2):
        concealed = concealed_by(source, compiled, origin, at)
        if e1 == e2 or not concealed:
            continue
        is_marked = any(STATEMENT_MARK.search(line) for line in concealed)
        if at not in pairs or not _lives_on(compiled[at], edited, pairs[at], (e1, e2), is_marked):
            message = (
                f"cannot tell which of the new lines has become of '{concealed[0].strip()}', whose "
                "marks or references a notebook does not show: edit it in the Markdown file"
            )
            raise Ambiguous(message, origin[at])
    return pairs


def _lives_on(
    line: str, edited: Sequence[str], new: int, block: tuple[int, int], is_marked: bool
) -> bool:
    """Whether a line that conceals something has become line `new`, as far as can be told.

    No other new line may be more like it; and a mark (`#@save`, `#@quick`) speaks of its line's
    code, of which some word must be left.
    """
    alike = _alike(line, edited[new])
    if any(_alike(line, edited[other]) > alike for other in range(*block) if other != new):
        return False
    return not is_marked or bool(set(NAME.findall(line)) & set(NAME.findall(edited[new])))


def concealed_by(
    source: Sequence[str], compiled: Sequence[str], origin: Mapping[int, int], at: int
) -> list[str]:
    """Lines of the source that line `at` of `compiled` stands for without showing all of them.

    They are its own line, if that reads differently, and lines of marks that belong to it.
    """
    if at not in origin:
        return []
    own, marks = source[origin[at]], list(_hidden_with(source, origin, at, at + 1))
    if marks or own.strip() != compiled[at].strip():
        return [own, *(source[mark] for mark in marks)]
    return []


def _moved(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    blocks: Sequence[Sequence[int]],
    pairs: Sequence[Mapping[int, int]],
    origin: Mapping[int, int],
) -> dict[int, str]:
    """What new lines (of `edited`) are in the source that stood elsewhere in `compiled`."""
    kept = {at: new for partners in pairs for at, new in partners.items()}
    gone = {
        compiled[at].strip(): at
        for c1, c2, _, _ in blocks
        for at in range(c1, c2)
        if at not in kept and concealed_by(source, compiled, origin, at)
    }
    result = {}
    for new in (new for _, _, e1, e2 in blocks for new in range(e1, e2)):
        at = gone.pop(edited[new].strip(), None)
        if at is None:
            continue
        own, *marks = concealed_by(source, compiled, origin, at)
        if marks or new in kept.values():
            raise Ambiguous(moved_message(own), origin[at])
        own = own[_shift(own, compiled[at]) :]
        result[new] = _line(own, compiled[at], edited[new], origin[at])
    return result


def _refuse_plain_text(
    source: Sequence[str],
    compiled: Sequence[str],
    edited: Sequence[str],
    result: Sequence[str],
    origin: Mapping[int, int],
) -> None:
    """What a reference reads as is still there but the reference is not: its words have moved."""
    had, has = (Counter(REFERENCE.findall("\n".join(lines))) for lines in (source, result))
    before, after = "\n".join(compiled), "\n".join(edited)
    for at in sorted(origin) if had - has else ():
        literals = REFERENCE.split(source[origin[at]])
        found = re.fullmatch("(.+?)".join(map(re.escape, literals)), compiled[at])
        roles = REFERENCE.findall(source[origin[at]])
        for role, text in zip(roles, found.groups() if found else (), strict=False):
            if after.count(text) - has[role] > before.count(text) - had[role]:
                message = (
                    f"'{text}' is on another line now, which would make plain text of {role}: "
                    "write it as in Markdown, or make this edit in the Markdown file"
                )
                raise Ambiguous(message, origin[at])


def moved_message(line: str) -> str:
    return (
        f"'{line.strip()}' was moved, and a notebook does not show its marks or references: move "
        "it in the Markdown file"
    )


def _place(
    source: Sequence[str],
    compiled: Sequence[str],
    origin: Mapping[int, int],
    before: int,
    block: tuple[int, int],
) -> tuple[int, int]:
    """Where a new line before line `before` of `compiled` belongs: source line and indentation.

    It goes with the line before it, behind the marks that are that line's; with the next line
    only at the very beginning.
    """
    previous = next((at for at in range(before - 1, -1, -1) if at in origin), None)
    if previous is not None:
        place = origin[previous] + 1
        shown = set(origin.values())
        while (
            place < len(source) and place not in shown and BLOCK_MARK_LINE.fullmatch(source[place])
        ):
            place += 1
        return place, _shift(source[origin[previous]], compiled[previous])
    following = next((at for at in range(before, len(compiled)) if at in origin), None)
    if following is None:
        return 0, 0
    place = origin[following]
    while place and MARKS_ONLY.fullmatch(source[place - 1]):
        place -= 1
    return place, _shift(source[origin[following]], compiled[following])


def _hidden_with(
    source: Sequence[str], origin: Mapping[int, int], c1: int, c2: int
) -> Iterator[int]:
    """The lines with nothing but marks that belong to deleted lines.

    In prose they stand behind what they mark (:label:), in code before it (#@save; #@tags
    belongs to the whole cell).
    """
    free = set(range(len(source))) - set(origin.values())
    lines = [origin[at] for at in range(c1, c2) if at in origin]
    for at in lines:
        after = at + 1
        while after in free and BLOCK_MARK_LINE.fullmatch(source[after]):
            yield after
            after += 1
        before = at - 1
        while before in free and MARKS_ONLY.fullmatch(source[before]):
            if STATEMENT_MARK.match(source[before].lstrip()):
                yield before
            before -= 1


def _shift(source: str, compiled: str) -> int:
    """By how many spaces a line is indented more in the source."""
    return max(0, _indentation(source) - _indentation(compiled)) if compiled.strip() else 0


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _line(source: str, compiled: str, edited: str, number: int) -> str:
    """One line of the source with the edit of what it compiled to."""
    if source == compiled:
        return edited
    shift = _shift(source, compiled)
    indent, source = source[:shift], source[shift:]
    behind = MARK_BEHIND.fullmatch(source)
    if behind and not compiled.endswith(behind[2]):
        return indent + _line(behind[1], compiled, edited, number) + behind[2]
    s, c, e = TOKEN.findall(source), TOKEN.findall(compiled), TOKEN.findall(edited)
    place: dict[int, int] = {}  # token of `compiled` -> token of `source`
    for kind, s1, s2, c1, c2 in _opcodes(s, c):
        if kind == "equal":
            place.update(zip(range(c1, c2), range(s1, s2), strict=True))
    result = list(s)
    edits = []
    for kind, c1, c2, e1, e2 in _opcodes(c, e):
        if kind == "equal":
            continue
        first, end = _span(place, c1, c2, len(c), len(s))
        if first is None and not _alike(compiled, edited):
            return indent + edited  # another line stands here: words in common are so by chance
        if first is None:
            written = "".join(c[c1:c2]) or "".join(c[max(0, c1 - 1) : c1 + 1])
            message = f"'{written}' is not in the source, which has '{source.strip()}': edit that"
            raise Ambiguous(message, number)
        edits.append((first, end, e[e1:e2]))
    for first, end, tokens in reversed(edits):
        result[first:end] = tokens
    return indent + "".join(result)


def _span(
    place: Mapping[int, int], c1: int, c2: int, count: int, source_count: int
) -> tuple[int | None, int]:
    """The source's tokens for tokens c1 to c2 of the compiled line; None if there are none.

    A run of tokens that the compiler wrote may only be replaced as a whole.
    """
    if c1 == c2:
        if c1 - 1 in place:
            at = place[c1 - 1] + 1
        elif c1 in place:
            at = place[c1]
        elif c1 == count:
            at = source_count
        elif c1 == 0:
            at = 0
        else:
            return None, 0
        return at, at
    if c1 in place:
        first = place[c1]
    elif c1 == 0:
        first = 0
    elif c1 - 1 in place:
        first = place[c1 - 1] + 1
    else:
        return None, 0
    if c2 - 1 in place:
        end = place[c2 - 1] + 1
    elif c2 == count:
        end = source_count
    elif c2 in place:
        end = place[c2]
    else:
        return None, 0
    return first, end
