"""What is wrong with a book, and where: the one error type of the compiler."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        path: the file, relative to the book's folder.
        line: the line in it, from 1; 0 speaks of the file as a whole.
        message: what is wrong and what is known, in one sentence.
        column: the column in the line, from 1; 0 speaks of the line as a whole.
        warning: whether the book can be compiled all the same.
    """

    path: str
    line: int
    message: str
    column: int = 0
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        where += f":{self.column}" if self.column else ""
        return f"{where}: {self.message}"


class BookError(Exception):
    """Every problem that a step found, so that an author sees all of them at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.path, p.line, p.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextlib.contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Keep a step's problems and go on, so that a run shows them all."""
    try:
        yield
    except BookError as error:
        problems += error.problems
