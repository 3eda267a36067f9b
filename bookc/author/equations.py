"""Numbered equations and the cells that check them: which has none, and which has changed since.

A cell says `#@checks eq_name 1f3a`: the label and the digest of the formula as it was when the cell
was written. Whoever changes the formula is told to look at the cell.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bookc.book import Cell, Chapter
from bookc.problems import Problem
from bookc.read.marks import find_marks
from bookc.read.syntax import BLOCK_MARK

DIGITS = 4  # of a digest, in hexadecimal: enough to see a change
DISPLAYED = re.compile(r"\$\$(?P<formula>.*?)\$\$\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Equation:
    """A formula with a label.

    Attributes:
        label: as `:eqlabel:` has it.
        file, line: where that stands.
        digest: of its LaTeX, blanks aside.
    """

    label: str
    file: str
    line: int
    digest: str


def equations(chapter: Chapter) -> Iterator[Equation]:
    """The numbered equations of a chapter, in order."""
    seen = set()
    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        for found in BLOCK_MARK.finditer(cell.source):
            formula = DISPLAYED.search(cell.source, 0, found.start())
            if found[1] != "eqlabel" or formula is None or found[2] in seen:
                continue
            seen.add(found[2])
            last = formula["formula"].rpartition("$$")[2]
            line = cell.line_at(cell.source.count("\n", 0, found.start()) + 1)
            yield Equation(found[2], chapter.file, line, digest(last))


def digest(formula: str) -> str:
    """A short name of a formula that another formula has not."""
    return hashlib.sha256("".join(formula.split()).encode()).hexdigest()[:DIGITS]


def unchecked(chapters: Iterable[Chapter]) -> tuple[list[Equation], list[Equation]]:
    """All equations of a book, and those that no cell says to check."""
    found = [equation for chapter in chapters for equation in equations(chapter)]
    named = {label for chapter in chapters for _, _, label, _ in _marks(chapter)}
    return found, [equation for equation in found if equation.label not in named]


def check_marks(chapters: Iterable[Chapter]) -> Iterator[Problem]:
    """Marks that name no equation, or one that has changed since."""
    chapters = list(chapters)
    known = {equation.label: equation for chapter in chapters for equation in equations(chapter)}
    for chapter in chapters:
        for cell, line, label, said in _marks(chapter):
            where = chapter.file, cell.line_at(line)
            if label not in known:
                yield Problem(*where, f"#@checks {label}: no equation has this label")
            elif said != known[label].digest:
                equation = known[label]
                place = f"{equation.file}:{equation.line}"
                message = f"{label} ({place}) is another formula than the one that this cell was "
                message += "written for: see that the cell checks it, then write "
                yield Problem(*where, f"{message}#@checks {label} {equation.digest}")


def _marks(chapter: Chapter) -> Iterator[tuple[Cell, int, str, str]]:
    for cell in chapter.cells:
        if cell.kind == "code":
            for mark in find_marks(cell.source):
                if mark.name == "checks":
                    label, _, said = mark.value.partition(" ")
                    yield cell, mark.line, label, said.strip()
