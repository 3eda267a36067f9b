"""Which line closes a code fence: found without reading the rest of a file again and again."""

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
        for at, line in enumerate(lines):
            run = RUN.match(line) if line.startswith(character) else None
            if run is not None and is_one(run[0], line[run.end() :]):
                self._lines.append(at)
                self._lengths.append(run.end())
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
