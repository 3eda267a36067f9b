"""What helps an author: faults found, notebooks brought back to Markdown, a tab made active."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bookc import files
from bookc.activate import activate
from bookc.base import is_compiled, note_base, plain, with_outputs
from bookc.book import Book, BookError, Cell, Chapter, Problem
from bookc.build import compile_notebooks
from bookc.compare import difference, same_for_reader
from bookc.config import read_config
from bookc.displaced import displaced_labels, displaced_marks
from bookc.imports import sorting_folder
from bookc.ipynb import NotebookNode, notebook_text
from bookc.lint import Gap, coverage, gaps, lint_chapter, located
from bookc.parse import read_chapter
from bookc.reading import collecting, read_book
from bookc.record import read_record
from bookc.refs import Refs
from bookc.sync import Choice, Choose, Question, rebased, sync_text
from bookc.tabs import select_tab

FOREIGN = "was not compiled from a chapter of this book"


@dataclasses.dataclass(frozen=True, slots=True)
class Linted:
    """What `lint_book` found.

    Attributes:
        chapters: those that could be read, each with its code cells by tab.
        problems: everything wrong, with columns.
        gaps: places that lack code for a tab.
    """

    chapters: tuple[tuple[Chapter, Mapping[str, int]], ...]
    problems: tuple[Problem, ...]
    gaps: tuple[Gap, ...]


def lint_book(root: Path) -> Linted:
    """Read a whole book and look closer at each chapter, whatever else is wrong."""
    config = read_config(root)
    problems: list[Problem] = []
    with collecting(problems):
        problems += read_book(root)[0].warnings
    chapters = []
    found_gaps: list[Gap] = []
    lines: dict[str, list[str]] = {}
    for path, file in files.source_files(config).items():
        name = files.shown(file, config)
        with contextlib.suppress(BookError):  # read_book has told it
            text = files.read_text(file, name)
            lines[name] = re.split(r"\r\n?|\n", text)
            chapter, _ = read_chapter(text, path, name, config.tabs)
            problems += lint_chapter(chapter, config.tabs)
            found_gaps += gaps(chapter, config.tabs)
            chapters.append((chapter, coverage(chapter, config.tabs)))
    where = (located(problem, lines.get(problem.path, ())) for problem in problems)
    ordered = sorted(dict.fromkeys(where), key=lambda p: (p.path, p.line, p.column))
    return Linted(tuple(chapters), tuple(ordered), tuple(found_gaps))


@dataclasses.dataclass(frozen=True, slots=True)
class Synced:
    """What an author's notebook makes of its chapter.

    Attributes:
        source, name: the Markdown file, and how messages call it.
        before, after: its text.
        notebook: the notebook's file.
        compiled: the notebook that belongs to the new text; None if nothing was edited.
        warnings: what is wrong with the book all the same, with the new text.
    """

    source: Path
    name: str
    before: str
    after: str
    notebook: Path
    compiled: NotebookNode | None
    warnings: tuple[Problem, ...]


def sync_notebook(root: Path, file: Path, choose: Choose) -> Synced:
    """Bring an author's edits of one compiled notebook back to its chapter; writes nothing.

    Raises:
        BookError: the book has errors, or would have with the edits; an edit that has no
            certain place in the chapter.
    """
    edited = _read_notebook(file)
    about = edited.metadata["bookc"]
    book, resolved = read_book(root)
    chapter = next((c for c in book.chapters if c.file == about.get("source")), None)
    tab = about.get("tab")
    if chapter is None or tab not in book.config.tabs:
        raise BookError([Problem(str(file), 0, FOREIGN)])
    compiled = _notebook_of(book, resolved, chapter.path, tab)
    if compiled is None:
        raise BookError([Problem(chapter.file, 0, f"has no code for {tab} any more")])
    source = book.config.source_dir / f"{chapter.path}.md"
    text = files.read_text(source, chapter.file)
    for_all: set[str] = set()  # the tabs for which the author wants a change, too

    def remember(question: Question) -> Choice | None:
        if (choice := choose(question)) == "all":
            for_all.update(question.others)
        return choice

    new = sync_text(text, chapter, book.config.tabs, compiled, edited, remember)
    wanted, sort_in = rebased(compiled, edited), sorting_folder(book.config)
    if new == text:
        _refuse_difference(chapter, compiled, wanted, resolved, sort_in)
        return Synced(source, chapter.file, text, text, file, None, book.warnings)
    new_book, new_refs = _read_edited(book, source, new)
    again = next(c for c in new_book.chapters if c.path == chapter.path)
    result = _notebook_of(new_book, new_refs, chapter.path, tab)
    if result is None:
        message = f"would have nothing for {tab} alone any more, and so no notebook of {tab}"
        raise BookError([Problem(chapter.file, 0, message)])
    _refuse_difference(again, result, wanted, new_refs, sort_in)
    before, after = _cells(chapter, tab), _cells(again, tab)
    marks = displaced_marks(before, after, _code(edited), chapter.file)
    if problems := [*marks, *displaced_labels(before, after, chapter.file)]:
        raise BookError(problems)
    for other in book.config.tabs:
        was = _notebook_of(book, resolved, chapter.path, other)
        becomes = _notebook_of(new_book, new_refs, chapter.path, other)
        if other == tab or other in for_all or same_for_reader(was, becomes):
            continue
        message = f"cannot be brought back: it would change the {other} notebook, too"
        if becomes is None:
            message = (
                f"code for {tab} alone would leave {other} without a notebook of this section, "
                "which so far has no code of one tab's own: add it in the Markdown file, for all"
            )
        elif was is None:
            message = (
                f"without this code, no tab has code of its own, and {other} would get a notebook "
                "of this section: make this edit in the Markdown file"
            )
        raise BookError([Problem(chapter.file, 0, message)])
    note_base(result)
    compiled = with_outputs(result, edited)
    return Synced(source, chapter.file, text, new, file, compiled, new_book.warnings)


def _read_notebook(file: Path) -> NotebookNode:
    """A notebook that an author edited, once it is sure that it can be written again."""
    name = str(file)
    notebook = read_record(files.read_text(file, name), name)
    if not is_compiled(notebook):
        raise BookError([Problem(name, 0, FOREIGN)])
    try:
        notebook_text(notebook, check=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        message = f"holds half of a character ({half}), which no file in UTF-8 can: delete it"
        raise BookError([Problem(name, 0, message)]) from None
    return notebook


def _read_edited(before: Book, source: Path, text: str) -> tuple[Book, Refs]:
    """The book with an edited file, which must leave no fault that there was not before."""
    try:
        book, resolved = read_book(before.config.root, {source: text})
    except BookError as error:
        faults = [one for one in error.problems if not one.warning]
    else:
        known = {(one.path, one.message) for one in before.warnings}
        faults = [one for one in book.warnings if (one.path, one.message) not in known]
        if not faults:
            return book, resolved
    raise BookError(
        Problem(one.path, one.line, f"with the edit, the book has an error: {one.message}")
        for one in faults
    )


def _refuse_difference(
    chapter: Chapter,
    compiled: NotebookNode,
    wanted: NotebookNode,
    resolved: Refs,
    sort_in: str,
) -> None:
    if not (where := difference(chapter, compiled, wanted, resolved, sort_in)):
        return
    kind, line = where
    written = "writes numbers, captions and lists of sections"
    if any("~~" in cell.source for cell in chapter.cells):
        written += ", and leaves out what only slides show ([~~...~~])"
    if kind == "code":
        written = "writes out aliases, chooses branches of tabs and puts imports in order"
    message = (
        f"cannot be brought back at '{line}': the compiler {written}; edit what they are made of "
        "in the Markdown file"
    )
    raise BookError([Problem(chapter.file, 0, message)])


def _cells(chapter: Chapter, tab: str) -> Sequence[Cell]:
    selected = select_tab(chapter, tab)
    return selected.cells if selected else ()


def _code(notebook: NotebookNode) -> list[Cell]:
    sources = (plain(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    return [Cell("", "code", source, (), 1) for source in sources]


def _notebook_of(book: Book, resolved: Refs, path: str, tab: str) -> NotebookNode | None:
    chapter = next(chapter for chapter in book.chapters if chapter.path == path)
    alone = dataclasses.replace(book, chapters=(chapter,))
    return compile_notebooks(alone, resolved, [tab]).get((tab, path))


def write_synced(synced: Synced) -> None:
    """Write the chapter, and the notebook as it compiles now, with the outputs it had."""
    if synced.compiled is not None:
        files.write_source(synced.source, synced.after)
        files.write_file(synced.notebook, notebook_text(synced.compiled))


def activate_files(root: Path, tab: str, patterns: Sequence[str]) -> list[str]:
    """Activate a tab in Markdown files, all of them or none.

    Args:
        patterns: files or wildcards, relative to the working folder.

    Returns:
        The files that changed.
    """
    tabs = read_config(root).tabs
    texts: dict[Path, str] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (patterns may be absolute)
        if not found:
            problems.append(Problem(pattern, 0, "no such file"))
        for name in found:
            with collecting(problems):
                text = files.read_text(Path(name), name)
                texts[Path(name)] = activate(text, name, tab, tabs)
    if problems:
        raise BookError(problems)
    return [str(file) for file, text in texts.items() if files.write_source(file, text)]
