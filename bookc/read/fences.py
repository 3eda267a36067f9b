"""Lines -> the line that closes each code fence, in time that grows with the length of the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

RUN = re.compile(r"`{3,}|~{3,}")


class Runs:
    """The lines that begin with a run of one fence character, and are of some kind."""

    def __init__(
        self, lines: Sequence[str], character: str, is_one: Callable[[str, str], bool]
    ) -> None:
        """`is_one` takes a line's run and what stands behind it."""
        self._lines: list[int] = []
        self._lengths: list[int] = []
        self._of_length: dict[int, list[int]] = {}
        for at, line in enumerate(lines):
            run = RUN.match(line) if line.startswith(character) else None
            if run is not None and is_one(run[0], line[run.end() :]):
                self._lines.append(at)
                self._lengths.append(run.end())
                self._of_length.setdefault(run.end(), []).append(at)
        # For each run the next one that is longer, so that a search only ever sees longer ones.
        self._longer = [len(self._lines)] * len(self._lines)
        waiting: list[int] = []
        for at, length in enumerate(self._lengths):
            while waiting and self._lengths[waiting[-1]] < length:
                self._longer[waiting.pop()] = at
            waiting.append(at)

    def first(self, after: int, length: int) -> int | None:
        """The first line after line `after` whose run is at least this long."""
        at = bisect_right(self._lines, after)
        while at < len(self._lines) and self._lengths[at] < length:
            at = self._longer[at]
        return self._lines[at] if at < len(self._lines) else None

    def first_of(self, after: int, length: int) -> int | None:
        """The first line after line `after` whose run is exactly this long."""
        lines = self._of_length.get(length, [])
        at = bisect_right(lines, after)
        return lines[at] if at < len(lines) else None


class Fences:
    """Which line closes each fence of a file.

    Prose follows CommonMark, where a longer fence closes one, too. What a code cell holds may be
    Markdown with longer fences, so that it ends, as for d2lbook, at the very fence it began with,
    if there is one.
    """

    def __init__(self, lines: Sequence[str], opens_cell: Callable[[str, str], bool]) -> None:
        """`opens_cell` takes a line's run and what stands behind it."""
        self._lines, self._opens_cell = lines, opens_cell
        self._closers: dict[str, Runs] = {}  # by fence character
        self._cells: dict[str, Runs] = {}

    def closing(self, start: int, opening: str, of_cell: bool) -> int | None:
        """Index of the line that closes a fence; None if none does before the next code cell."""
        character = opening[0]
        if character not in self._closers:
            self._closers[character] = Runs(self._lines, character, _ends)
            self._cells[character] = Runs(self._lines, character, self._opens_cell)
        closers, cells = self._closers[character], self._cells[character]
        for search in (Runs.first_of, Runs.first) if of_cell else (Runs.first,):
            end, cell = (search(runs, start, len(opening)) for runs in (closers, cells))
            if end is not None and (cell is None or end < cell):
                return end
        return None


def _ends(run: str, rest: str) -> bool:
    return not rest.strip(" \t")
