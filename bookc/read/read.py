"""A book's files -> Book and Refs, with everything that is wrong with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import files
from bookc.book import Book, Chapter, Reference, Refs
from bookc.config import Config, read_config
from bookc.problems import BookError, Problem, collecting
from bookc.read.cells import read_chapter
from bookc.read.marks import quick_source
from bookc.up_to_date import Memory

if TYPE_CHECKING:
    from markdown_it.token import Token

Check = Callable[[Book], Iterable[Problem]]


def read_sources(root: Path) -> Book:
    """Parse a book; its references are not looked at, but for the tables of contents.

    Returns:
        The book; its warnings are the problems that keep nothing from being compiled.

    Raises:
        BookError: everything that is wrong with it but for references, unless it is all warnings.
    """
    book, problems = _parse_sources(root, {}, Memory())
    return _checked(book, problems)


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
    from bookc.read import references  # a Markdown parser: not for raw notebooks

    memory = memory or Memory()
    book, problems = _parse_sources(root, instead or {}, memory)
    entries = None
    with collecting(problems):
        entries = _read_bibliography(book.config, not brief, memory)
    if entries is None:
        raise BookError(problems)
    refs, wrong = references.resolve(
        book,
        entries,
        lambda path: files.is_in_book(book.config, path),
        lambda cell: memory.call(_tokens, cell.id, cell.source, brief),
    )
    problems += wrong
    if not brief:
        from bookc.read import formulas

        for chapter in book.chapters:
            problems += formulas.faults(chapter, refs.tokens)
    for check in checks:
        problems += check(book)
    return _checked(book, problems), refs


def _tokens(cell_id: str, source: str, brief: bool) -> list[Token]:
    """The tokens of one cell. Equal cells must not share theirs: each is numbered by its place."""
    from bookc.read import prose

    return prose.parse(source, brief)


def _parse_sources(
    root: Path, instead: Mapping[Path, str], memory: Memory
) -> tuple[Book, list[Problem]]:
    config = read_config(root)
    sources = files.source_files(config)
    if config.index not in sources:
        message = f"no index page: {config.index}.md is not in {config.source_dir}"
        raise BookError([Problem("config.ini", 0, message)])
    parsed: dict[str, Chapter] = {}
    problems = list(config.warnings)
    for path, file in sources.items():
        name = files.shown(file, config)
        with collecting(problems):
            text = instead[file] if file in instead else files.read_text(file, name)
            chapter, wrong = memory.call(read_chapter, text, path, name, config.tabs)
            if not files.is_notebook(config, path):
                chapter = dataclasses.replace(chapter, tabs=())
            parsed[path] = chapter
            problems += wrong
    problems += _repeated_ids(parsed.values())
    for chapter in parsed.values():
        problems += missing_sections(chapter, sources)
    if len(parsed) < len(sources):
        # References into a file that cannot be read would look unknown.
        with collecting(problems):
            _read_bibliography(config, False, memory)
        raise BookError(problems)
    book = Book(config, tuple(_reading_order(parsed, config.index)))
    for chapter in book.chapters:
        for cell in chapter.cells:
            if cell.kind == "code":
                with collecting(problems):
                    quick_source(cell, chapter.file)
    return book, problems


def _checked(book: Book, problems: Sequence[Problem]) -> Book:
    """The book with its warnings.

    Raises:
        BookError: not all of the problems are warnings, or the book wants none.
    """
    problems = tuple(dict.fromkeys(problems))
    if book.config.warning_is_error:
        problems = tuple(dataclasses.replace(problem, warning=False) for problem in problems)
    if not all(problem.warning for problem in problems):
        raise BookError(problems)
    return dataclasses.replace(book, warnings=problems)


def missing_sections(chapter: Chapter, known: Collection[str]) -> Iterator[Problem]:
    """The `toc` entries that name no file."""
    for entry in chapter.toc:
        if entry.path not in known:
            message = f"toc names '{entry.path}', but there is no {entry.path}.md"
            yield Problem(chapter.file, entry.line, message, warning=True)


def _repeated_ids(chapters: Iterable[Chapter]) -> Iterator[Problem]:
    """Cells of different sections with one id: outputs are joined to cells by it."""
    seen: dict[str, Chapter] = {}
    for chapter in chapters:
        for cell in chapter.cells:
            other = seen.setdefault(cell.id, chapter)
            if other is not chapter:
                message = f"cell id '{cell.id}' is taken by a cell of {other.file}"
                yield Problem(chapter.file, cell.line, message)


def _reading_order(parsed: Mapping[str, Chapter], index: str) -> Iterator[Chapter]:
    """Chapters as the tables of contents order them, then those that none lists."""
    seen: set[str] = set()

    def walk(path: str) -> Iterator[Chapter]:
        if path in parsed and path not in seen:
            seen.add(path)
            yield parsed[path]
            for entry in parsed[path].toc:
                yield from walk(entry.path)

    yield from walk(index)
    for path in sorted(parsed):
        yield from walk(path)


def _read_bibliography(config: Config, formatted: bool, memory: Memory) -> dict[str, Reference]:
    if not config.bibliography:
        return {}
    from bookc.read.bibliography import read_bibliography  # pybtex: not for raw notebooks

    # d2lbook looks in its working folder; a book with a source_dir keeps the file there.
    for folder in (config.source_dir, config.root):
        file = folder / config.bibliography
        if file.is_file():
            name = files.shown(file, config)
            text = files.read_text(file, name)
            return memory.call(read_bibliography, text, name, formatted)
    message = f"bibfile {config.bibliography}: no such file"
    raise BookError([Problem("config.ini", 0, message)])
