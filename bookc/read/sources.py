"""A book's files -> its chapters in reading order, with everything that is wrong with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bookc import disk, files
from bookc.book import Book, Chapter
from bookc.config import Config, read_config
from bookc.problems import BookError, Problem, collecting
from bookc.read.cells import read_chapter
from bookc.read.marks import quick_source
from bookc.up_to_date import Memory

DEEPEST = 50  # tables of contents within each other


def read_sources(root: Path) -> Book:
    """Parse a book; its references are not looked at, but for the tables of contents.

    Returns:
        The book; its warnings are the problems that keep nothing from being compiled.

    Raises:
        BookError: everything that is wrong with it but for references, unless it is all warnings.
    """
    book, problems = parse_sources(read_config(root), {}, Memory())
    return checked(book, problems)


def parse_sources(
    config: Config, instead: Mapping[Path, str], memory: Memory
) -> tuple[Book | None, list[Problem]]:
    """The book with its problems; None in its place where a file cannot be read.

    References into such a file would look unknown.

    Args:
        instead: what to read instead of some files.
    """
    sources = files.source_files(config)
    if config.index not in sources:
        message = f"no index page: {config.index}.md is not in {config.source_dir}"
        raise BookError([Problem("config.ini", 0, message)])
    parsed: dict[str, Chapter] = {}
    problems = list(config.warnings)
    for path, file in sources.items():
        name = files.shown(file, config)
        with collecting(problems):
            text = instead[file] if file in instead else disk.read_text(file, name)
            chapter, wrong = memory.call(read_chapter, text, path, name, config.tabs)
            if not files.is_notebook(config, path):
                chapter = dataclasses.replace(chapter, tabs=())
            parsed[path] = chapter
            problems += wrong
    problems += _repeated_ids(parsed.values())
    for chapter in parsed.values():
        problems += missing_sections(chapter, sources)
    if len(parsed) < len(sources):
        return None, problems
    too_deep: list[Problem] = []
    ordered = tuple(_reading_order(parsed, config.index, too_deep))
    if too_deep:
        return None, problems + too_deep
    book = Book(config, ordered)
    for chapter in book.chapters:
        for cell in chapter.cells:
            if cell.kind == "code":
                with collecting(problems):
                    quick_source(cell, chapter.file)
    return book, problems


def checked(book: Book | None, problems: Sequence[Problem]) -> Book:
    """The book with its warnings.

    Raises:
        BookError: there is no book, or not all of the problems are warnings, or it wants none.
    """
    problems = tuple(dict.fromkeys(problems))
    if book is None:
        raise BookError(problems)
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


def _reading_order(
    parsed: Mapping[str, Chapter], index: str, problems: list[Problem]
) -> Iterator[Chapter]:
    """Chapters as the tables of contents order them, then those that none lists.

    Args:
        problems: grows by an error if tables list each other without end.
    """
    seen: set[str] = set()
    for top in [index, *sorted(parsed)]:
        waiting = [(top, 0)]
        while waiting:
            path, depth = waiting.pop()
            if path not in parsed or path in seen:
                continue
            seen.add(path)
            chapter = parsed[path]
            yield chapter
            if depth == DEEPEST and chapter.toc:
                message = f"tables of contents within each other, more than {DEEPEST} deep"
                problems.append(Problem(chapter.file, chapter.toc[0].line, message))
            waiting += [(entry.path, depth + 1) for entry in reversed(chapter.toc)]
