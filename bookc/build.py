"""Reads files, orders the steps, writes files. What a command does is told here."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import importlib.util
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import files, markdown, refs
from bookc.activate import activate
from bookc.alias import apply_aliases
from bookc.book import Book, BookError, Cell, Chapter, Config, Problem, Reference
from bookc.config import read_config
from bookc.download import LOCK
from bookc.ipynb import NotebookNode, notebook_text
from bookc.lint import Gap, coverage, gaps, lint_chapter, located
from bookc.marks import quick_source
from bookc.notebook import make_notebook
from bookc.parse import read_chapter
from bookc.provenance import read_library, used_symbols
from bookc.record import Recorded, heaviest_picture, match_outputs, read_record, stale_cells
from bookc.refs import Refs
from bookc.save import make_library, with_version
from bookc.sync import (
    Choice,
    Choose,
    Question,
    difference,
    rebased,
    same_for_reader,
    stamp,
    sync_text,
    with_outputs,
)
from bookc.tabs import select_tab

if TYPE_CHECKING:
    from markdown_it.token import Token

    from bookc.check import Checked
    from bookc.execute import Report, Result

PICTURE_LIMIT = 150_000  # bytes of one PNG: pages and clones stay light

Section = tuple[str, str]  # (tab, section path)


@dataclasses.dataclass(frozen=True, slots=True)
class Synced:
    """What an author's notebook makes of its chapter.

    Attributes:
        source, name: the Markdown file, and how messages call it.
        before, after: its text.
        notebook: the notebook's file.
        compiled: the notebook that belongs to the new text; None if nothing was edited.
    """

    source: Path
    name: str
    before: str
    after: str
    notebook: Path
    compiled: NotebookNode | None


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """What need not be done again when a book is read again.

    The tokens of a cell are numbered anew each time, so of the `Refs` that were made with one
    memory only the last is right.
    """

    chapters: dict[tuple[str, ...], tuple[Chapter, list[Problem]]] = dataclasses.field(
        default_factory=dict
    )
    tokens: dict[tuple[str, str], list[Token]] = dataclasses.field(default_factory=dict)
    references: dict[str, dict[str, Reference]] = dataclasses.field(default_factory=dict)

    def chapter(
        self, text: str, path: str, name: str, tabs: tuple[str, ...]
    ) -> tuple[Chapter, list[Problem]]:
        key = (text, path, name, *tabs)
        if key not in self.chapters:
            self.chapters[key] = read_chapter(text, path, name, tabs)
        return self.chapters[key]

    def parsed(self, cell: Cell) -> list[Token]:
        key = (cell.id, cell.source)
        if key not in self.tokens:
            self.tokens[key] = markdown.parse(cell.source)
        return self.tokens[key]


def read_sources(
    root: Path, instead: Mapping[Path, str] | None = None, memory: Memory | None = None
) -> Book:
    """Parse a book; its references are not looked at, but for the tables of contents.

    Args:
        instead: what to read instead of some files.
        memory: of the last time that this book was read.

    Returns:
        The book; its warnings are the problems that keep nothing from being compiled.

    Raises:
        BookError: everything that is wrong with it but for references.
    """
    book, problems = _parse_sources(root, instead, memory)
    return _checked(book, problems)


def read_book(
    root: Path,
    instead: Mapping[Path, str] | None = None,
    for_notebooks: bool = False,
    memory: Memory | None = None,
    collect: bool = True,
) -> tuple[Book, Refs]:
    """Parse and check a whole book.

    Args:
        instead: what to read instead of some files.
        for_notebooks: read no more than notebooks need. Saved code is not collected; references
            are not formatted, and only the prose with roles or images has inline tokens.
        memory: of the last time that this book was read.
        collect: see whether the saved code can be collected.

    Raises:
        BookError: everything that is wrong with it.
    """
    book, problems = _parse_sources(root, instead, memory)
    config = book.config
    entries = resolved = None
    with _collecting(problems):
        entries = _read_bibliography(config, not for_notebooks, memory)
    if entries is None:
        raise BookError(problems)
    with _collecting(problems):
        resolved = refs.resolve(
            book,
            entries,
            lambda path: files.is_in_book(config, path),
            lambda cell: (
                markdown.parse(cell.source, for_notebooks)
                if memory is None
                else memory.parsed(cell)
            ),
        )
    for tab in config.libraries if collect and not for_notebooks else ():
        with _collecting(problems):
            make_library(book, tab)
    book = _checked(book, problems)
    assert resolved is not None  # else there were problems
    return book, resolved


def _parse_sources(
    root: Path, instead: Mapping[Path, str] | None, memory: Memory | None
) -> tuple[Book, list[Problem]]:
    config = read_config(root)
    sources = files.source_files(config)
    if config.index not in sources:
        message = f"no index page: {config.index}.md is not in {config.source_dir}"
        raise BookError([Problem("config.ini", 0, message)])
    parsed: dict[str, Chapter] = {}
    problems: list[Problem] = []
    for path, file in sources.items():
        name = files.shown(file, config)
        with _collecting(problems):
            text = (instead or {}).get(file)
            if text is None:
                text = files.read_text(file, name)
            read = read_chapter if memory is None else memory.chapter
            chapter, wrong = read(text, path, name, config.tabs)
            if not files.is_notebook(config, path):
                chapter = dataclasses.replace(chapter, tabs=())
            parsed[path] = chapter
            problems += wrong
    problems += _repeated_ids(parsed.values())
    for chapter in parsed.values():
        problems += refs.missing_sections(chapter, sources.__contains__)
    if len(parsed) < len(sources):
        # References into a file that cannot be read would look unknown.
        with _collecting(problems):
            _read_bibliography(config, False, memory)
        raise BookError(problems)
    book = Book(config, tuple(_reading_order(parsed, config.index)))
    for chapter in book.chapters:
        for cell in chapter.cells:
            if cell.kind == "code":
                with _collecting(problems):
                    quick_source(cell, chapter.file)
    return book, problems


def _checked(book: Book, problems: Sequence[Problem]) -> Book:
    """The book with its warnings.

    Raises:
        BookError: not all of the problems are warnings.
    """
    problems = tuple(dict.fromkeys(problems))
    if not all(problem.warning for problem in problems):
        raise BookError(problems)
    return dataclasses.replace(book, warnings=problems)


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
    with _collecting(problems):
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


def compile_notebooks(
    book: Book, resolved: Refs | None, tabs: Sequence[str], quick: bool = False
) -> dict[Section, NotebookNode]:
    """Every notebook of the given tabs, without outputs, in book order.

    Args:
        resolved: what references read as; None leaves d2lbook's marks in the prose.
    """
    sort_in = str(book.config.root.resolve()) if book.config.sort_imports else ""
    library = read_library(_library_sources(book.config))
    notebooks = {}
    for tab in tabs:
        for chapter in book.chapters:
            if (selected := select_tab(chapter, tab)) is not None:
                if tab in book.config.aliases:
                    selected = apply_aliases(selected, book.config.aliases[tab])
                notebook = make_notebook(selected, tab, resolved, quick, sort_in)
                code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
                if uses := used_symbols(code, library):
                    notebook.metadata["bookc"]["uses"] = uses
                notebooks[tab, chapter.path] = notebook
    return notebooks


def _library_sources(config: Config) -> dict[str, str]:
    """The library's Python files by dotted module name."""
    if config.library is None:
        return {}
    sources = {}
    for file in sorted(config.library.rglob("*.py")):
        parts = file.relative_to(config.library.parent).with_suffix("").parts
        dotted = ".".join(part for part in parts if part != "__init__")
        sources[dotted] = files.read_text(file, files.shown(file, config))
    return sources


def write_notebooks(
    book: Book, notebooks: Mapping[Section, NotebookNode], folder: Path, script: str = ""
) -> int:
    """Write `folder`/<tab>/<section>.ipynb, and what the pages show beside them.

    Args:
        script: jupytext's name of a script format (`py:percent`) to write instead.

    Returns:
        How many files changed.
    """
    changed = 0
    for section, notebook in notebooks.items():
        if script:
            import jupytext  # 0.4 s, and few write scripts

            text = jupytext.writes(notebook, fmt=script)
        else:
            stamp(notebook)
            text = notebook_text(notebook, check=False)  # valid as it was made: the tests look
        target = notebook_file(folder, section, script)
        changed += files.write_file(target, text)
    for tab in {tab for tab, _ in notebooks}:
        files.copy_resources(book.config, folder / tab)
    return changed


def notebook_file(folder: Path, section: Section, script: str = "") -> Path:
    """Where `write_notebooks` puts a section."""
    tab, path = section
    return folder / tab / f"{path}.{script.split(':')[0] or 'ipynb'}"


def sync_notebook(root: Path, file: Path, choose: Choose) -> Synced:
    """Bring an author's edits of one compiled notebook back to its chapter; writes nothing.

    Raises:
        BookError: the book has errors, or would have with the edits; an edit that has no
            certain place in the chapter.
    """
    name = str(file)
    edited = read_record(files.read_text(file, name), name)
    about = edited.metadata.get("bookc", {})
    book, resolved = read_book(root)
    chapter = next((c for c in book.chapters if c.file == about.get("source")), None)
    tab = about.get("tab")
    if chapter is None or tab not in book.config.tabs:
        raise BookError([Problem(name, 0, "was not compiled from a chapter of this book")])
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
    wanted = rebased(compiled, edited)
    if new == text:
        _refuse_difference(chapter, compiled, wanted, resolved)
        return Synced(source, chapter.file, text, text, file, None)
    try:
        new_book, new_refs = read_book(root, {source: new})
    except BookError as error:
        raise BookError(
            Problem(p.path, p.line, f"with the edit, the book has an error: {p.message}")
            for p in error.problems
            if not p.warning
        ) from None
    again = next(c for c in new_book.chapters if c.path == chapter.path)
    result = _notebook_of(new_book, new_refs, chapter.path, tab)
    if result is None:
        message = f"would have nothing for {tab} alone any more, and so no notebook of {tab}"
        raise BookError([Problem(chapter.file, 0, message)])
    _refuse_difference(again, result, wanted, new_refs)
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
    stamp(result)
    return Synced(source, chapter.file, text, new, file, with_outputs(result, edited))


def _refuse_difference(
    chapter: Chapter, compiled: NotebookNode, wanted: NotebookNode, resolved: Refs
) -> None:
    if not (where := difference(chapter, compiled, wanted, resolved)):
        return
    kind, line = where
    written = "writes numbers, captions and lists of sections"
    if kind == "code":
        written = "writes out aliases, chooses branches of tabs and puts imports in order"
    message = (
        f"cannot be brought back at '{line}': the compiler {written}; edit what they are made of "
        "in the Markdown file"
    )
    raise BookError([Problem(chapter.file, 0, message)])


def _notebook_of(book: Book, resolved: Refs, path: str, tab: str) -> NotebookNode | None:
    chapter = next(chapter for chapter in book.chapters if chapter.path == path)
    alone = dataclasses.replace(book, chapters=(chapter,))
    return compile_notebooks(alone, resolved, [tab]).get((tab, path))


def write_synced(synced: Synced) -> None:
    """Write the chapter, and the notebook as it compiles now, with the outputs it had."""
    if synced.compiled is not None:
        files.write_file(synced.source, synced.after)
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
            with _collecting(problems):
                text = files.read_text(Path(name), name)
                texts[Path(name)] = activate(text, name, tab, tabs)
    if problems:
        raise BookError(problems)
    return [str(file) for file, text in texts.items() if files.write_file(file, text)]


def load_record(
    book: Book, notebooks: Mapping[Section, NotebookNode]
) -> dict[tuple[str, str], Recorded]:
    """Recorded outputs by tab and cell id, for the cells of the compiled notebooks."""
    recorded = {}
    problems: list[Problem] = []
    for (tab, path), notebook in notebooks.items():
        with _collecting(problems):
            if (record := record_of(book.config, tab, path)) is not None:
                for cell_id, outputs in match_outputs(notebook, record).items():
                    recorded[tab, cell_id] = outputs
    if problems:
        raise BookError(problems)
    return recorded


def outdated(
    notebooks: Mapping[Section, NotebookNode], recorded: Mapping[tuple[str, str], Recorded]
) -> Iterator[str]:
    """A line for each notebook that shows outputs of an earlier version, or none at all."""
    for (tab, path), notebook in choose(notebooks, ()).items():
        code = [cell.id for cell in notebook.cells if cell.cell_type == "code"]
        stale = [cell for cell in code if (tab, cell) in recorded and recorded[tab, cell].stale]
        if stale:
            yield f"{path} ({tab}): outputs of {len(stale)} cells are from an earlier version"
        elif not any((tab, cell) in recorded for cell in code):
            yield f"{path} ({tab}): never executed"


def record_of(config: Config, tab: str, path: str) -> NotebookNode | None:
    """The executed notebook of a section; None if it was never recorded."""
    file = record_file(config, tab, path)
    if not file.exists():
        return None
    name = files.shown(file, config)
    return read_record(files.read_text(file, name), name)


def record_file(config: Config, tab: str, path: str) -> Path:
    return config.record_dir / tab / f"{path}.ipynb"


def choose(
    notebooks: Mapping[Section, NotebookNode], sections: Sequence[str]
) -> dict[Section, NotebookNode]:
    """The notebooks with code, of the named sections only if any are named.

    Raises:
        BookError: a name that is no section with code.
    """
    coded = {
        section: notebook
        for section, notebook in notebooks.items()
        if any(cell.cell_type == "code" for cell in notebook.cells)
    }
    names = {name.removesuffix(".md").strip("/") for name in sections}
    known = sorted({path for _, path in coded})
    problems = [
        Problem(name, 0, f"no such section with code (known: {', '.join(known)})")
        for name in sorted(names - set(known))
    ]
    if problems:
        raise BookError(problems)
    return {key: notebook for key, notebook in coded.items() if not names or key[1] in names}


def missing_frameworks(config: Config, tabs: Iterable[str]) -> list[Problem]:
    """One problem for each tab whose framework is not installed."""
    return [
        Problem(
            config.file,
            0,
            f"tab {tab} needs {module}, which is not installed: pip install '{package}'",
        )
        for tab in tabs
        for module, package in [config.frameworks.get(tab, ("", ""))]
        if module and importlib.util.find_spec(module) is None
    ]


def framework_version(config: Config, tab: str) -> dict[str, str]:
    """The public version of a tab's installed framework: `{"torch": "2.13.0"}`."""
    from importlib.metadata import packages_distributions, version

    module, _ = config.frameworks.get(tab, ("", ""))
    names = packages_distributions().get(module, [])
    return {module: version(names[0]).split("+")[0]} if names else {}


def is_fresh(config: Config, section: Section, notebook: NotebookNode) -> bool:
    """Whether a notebook's record was made by this code with this framework."""
    record = record_of(config, *section)
    if record is None or stale_cells(notebook, record):
        return False
    return bool(record.metadata["bookc"].get("versions") == framework_version(config, section[0]))


def execute_book(
    book: Book,
    notebooks: Mapping[Section, NotebookNode],
    folder: Path,
    parallel: int,
    report: Report,
) -> list[Result]:
    """Run notebooks and write each below `folder` as soon as it ran to its end.

    Beside those of a tab, pip's requirements say with what they ran.
    """
    from bookc.execute import Job, execute  # kernels, which compiling does not need
    from bookc.lock import pinned

    config = book.config
    place = config.output_dir / "notebooks"
    jobs = []
    targets = {}
    for (tab, path), notebook in notebooks.items():
        files.copy_resources(config, place / tab)
        working = (place / tab / path).parent
        working.mkdir(parents=True, exist_ok=True)
        jobs.append(Job(f"{tab} {path}", notebook, working))
        targets[jobs[-1].name] = folder / tab / f"{path}.ipynb"

    def write(result: Result) -> None:
        if result.failure is None:
            notebook = result.job.notebook
            about = notebook.metadata["bookc"]
            about["versions"] = framework_version(config, about["tab"])
            about["seconds"] = round(result.seconds, 1)
            files.write_file(targets[result.job.name], notebook_text(notebook))

    results = execute(jobs, parallel, config.timeout, report, finished=write)
    for tab in dict.fromkeys(tab for tab, _ in notebooks):
        if any(
            r.failure is None and targets[r.job.name].is_relative_to(folder / tab) for r in results
        ):
            module, _ = config.frameworks.get(tab, ("", ""))
            imported = [module, config.library.name if config.library else ""]
            files.write_file(folder / tab / LOCK, pinned(imported))
    return results


def check_book(
    book: Book, resolved: Refs, tabs: Sequence[str], sections: Sequence[str], parallel: int
) -> Checked:
    """Is the record of today's code, and does a quick run print what it says?"""
    from bookc.check import make_checkable, run_nbval

    config = book.config
    full = choose(compile_notebooks(book, resolved, tabs), sections)
    quick = compile_notebooks(book, resolved, tabs, quick=True)
    problems = missing_frameworks(config, tabs)
    problems += [
        Problem(files.shown(file, config), 0, "not what the chapters save: run `bookc lib`")
        for file in write_libraries(book, check=True)
    ]
    runnable = {}
    for section, notebook in full.items():
        tab, path = section
        problems += _record_problems(config, section, notebook)
        if not missing_frameworks(config, [tab]):
            record = record_of(config, tab, path)
            recorded = match_outputs(notebook, record) if record is not None else {}
            checkable = make_checkable(notebook, quick[section], recorded)
            runnable[Path(tab) / f"{path}.ipynb"] = checkable
    with tempfile.TemporaryDirectory(prefix="bookc-check-") as name:
        folder = Path(name)
        for tab in tabs:
            files.copy_resources(config, folder / tab)
        checked = run_nbval(runnable, folder, config.timeout, parallel)
    return dataclasses.replace(checked, problems=(*problems, *checked.problems))


def _record_problems(config: Config, section: Section, notebook: NotebookNode) -> list[Problem]:
    tab, path = section
    again = f"run `bookc execute --tab {tab} {path}`"
    source = notebook.metadata["bookc"]["source"]
    record = record_of(config, tab, path)
    if record is None:
        return [Problem(source, 0, f"has no executed {tab} notebook: {again}")]
    problems = []
    if stale := stale_cells(notebook, record):
        line = stale[0].metadata["bookc"]["line"]
        message = (
            f"this code, or library code that it uses, is newer than its {tab} output: {again}"
        )
        problems.append(Problem(source, line, message))
    made, now = record.metadata["bookc"].get("versions"), framework_version(config, tab)
    if now and made != now:
        problems.append(Problem(source, 0, f"executed with {made}, installed is {now}: {again}"))
    for cell in record.cells:
        size = heaviest_picture(cell)
        if size > PICTURE_LIMIT:
            message = f"a picture of {size // 1000} KB in the {tab} record: {PICTURE_LIMIT // 1000}"
            line = cell.metadata["bookc"]["line"]
            problems.append(Problem(source, line, f"{message} KB are allowed"))
    return problems


def write_libraries(book: Book, check: bool = False) -> list[Path]:
    """Write every module that `#@save` makes; with `check` only say which would change."""
    texts = {}
    for tab, file in book.config.libraries.items():
        present = files.read_text(file, files.shown(file, book.config)) if file.exists() else ""
        texts[file] = make_library(book, tab, present)
    if (version_file := book.config.version_file) is not None and book.config.release:
        name = files.shown(version_file, book.config)
        texts[version_file] = with_version(files.read_text(version_file, name), book.config.release)
    if check:
        return [f for f, text in texts.items() if not f.exists() or f.read_text("utf-8") != text]
    return [file for file, text in texts.items() if files.write_file(file, text)]


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


def _read_bibliography(
    config: Config, formatted: bool, memory: Memory | None
) -> dict[str, Reference]:
    if not config.bibliography:
        return {}
    from bookc import bibliography  # pybtex, which raw notebooks do without

    # d2lbook looks in its working folder; a book with a source_dir keeps the file there.
    for folder in (config.source_dir, config.root):
        file = folder / config.bibliography
        if file.is_file():
            name = files.shown(file, config)
            text = files.read_text(file, name)
            known = {} if memory is None else memory.references
            if text not in known:
                known[text] = bibliography.read_bibliography(text, name, formatted)
            return known[text]
    message = f"bibfile {config.bibliography}: no such file"
    raise BookError([Problem("config.ini", 0, message)])


@contextlib.contextmanager
def _collecting(problems: list[Problem]) -> Iterator[None]:
    """Keep a step's problems and go on, so that a run shows them all."""
    try:
        yield
    except BookError as error:
        problems += error.problems
