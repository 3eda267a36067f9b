"""A book's files -> Book and Refs, with everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from markdown_it.token import Token

from bookc import disk, files
from bookc.book import Book, Reference, Refs
from bookc.config import Config, read_config
from bookc.problems import BookError, Problem, collecting
from bookc.read.bibliography import read_bibliography
from bookc.read.formulas import faults
from bookc.read.prose import parse
from bookc.read.references import resolve
from bookc.read.sources import checked, parse_sources
from bookc.up_to_date import Memory

Check = Callable[[Book], Iterable[Problem]]


def read_book(
    root: Path,
    instead: Mapping[Path, str] | None = None,
    brief: bool = False,
    memory: Memory | None = None,
    checks: Sequence[Check] = (),
) -> tuple[Book, Refs]:
    """Parse and check a whole book.

    Args:
        instead: what to read instead of some files.
        brief: read no more than notebooks need: references are not formatted, only the prose
            with roles or images has inline tokens, and formulas stay LaTeX.
        memory: what was parsed when this book was read before. The tokens of a cell are numbered
            anew each time, so of the `Refs` that share a memory only the last is right.
        checks: what else to look for; what they find is told with all the rest.

    Raises:
        BookError: everything that is wrong with it, unless it is all warnings.
    """
    config, memory = read_config(root), memory or Memory()
    book, problems = parse_sources(config, instead or {}, memory)
    entries = None
    with collecting(problems):
        entries = _read_bibliography(config, not brief, memory)
    if book is None or entries is None:
        raise BookError(problems)
    refs, wrong = resolve(
        book,
        entries,
        lambda path: files.is_shown(config, path),
        lambda cell: memory.call(_tokens, cell.id, cell.source, brief),
    )
    problems += wrong
    if not brief:
        for chapter in book.chapters:
            problems += faults(chapter, refs.tokens)
    for check in checks:
        problems += check(book)
    return checked(book, problems), refs


def _tokens(cell_id: str, source: str, brief: bool) -> list[Token]:
    """The tokens of one cell. Equal cells must not share theirs: each is numbered by its place."""
    return parse(source, brief)


def _read_bibliography(config: Config, formatted: bool, memory: Memory) -> dict[str, Reference]:
    if not config.bibliography:
        return {}
    # d2lbook looks in its working folder; a book with a source_dir keeps the file there.
    for folder in (config.source_dir, config.root):
        file = folder / config.bibliography
        if files.is_own(config, file):
            name = files.shown(file, config)
            text = disk.read_text(file, name)
            return memory.call(read_bibliography, text, name, formatted)
    message = f"bibfile {config.bibliography}: no such file"
    raise BookError([Problem("config.ini", 0, message)])
