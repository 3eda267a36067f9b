"""Book -> its notebooks; notebooks -> files, without overwriting what an author edited."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from bookc import disk, files
from bookc.book import Book, Build, Refs, TabSection
from bookc.notebook.aliases import apply_aliases
from bookc.notebook.edited import is_compiled, is_edited, note_base, with_outputs
from bookc.notebook.file import NotebookNode, notebook_text
from bookc.notebook.foreign import read_record
from bookc.notebook.imports import sorting_folder
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.notebook.uses import library_sources, read_library, used_symbols
from bookc.problems import BookError, Problem
from bookc.stamps import claim
from bookc.up_to_date import folder_list

KEPT = (
    "was edited, and its chapter has changed since: it stays as it is until `bookc sync` has "
    "brought the edits back, or `bookc build notebooks --force` writes it anew"
)


def compile_notebooks(
    book: Book, refs: Refs | None, tabs: Sequence[str], quick: bool = False
) -> dict[TabSection, NotebookNode]:
    """Every notebook of the given tabs, without outputs, in book order.

    Args:
        refs: what references read as; None leaves d2lbook's marks in the prose.
    """
    sort_in = sorting_folder(book.config)
    library = read_library(library_sources(book.config))
    prose: dict[str, dict[str, str]] = {}
    if refs is not None:
        from bookc.notebook.prose import readable_prose  # a Markdown parser: not for raw notebooks

        prose = {chapter.path: readable_prose(chapter, refs) for chapter in book.chapters}
    notebooks = {}
    for tab in tabs:
        for chapter in book.chapters:
            if (selected := select_tab(chapter, tab)) is not None:
                if tab in book.config.aliases:
                    selected = apply_aliases(selected, book.config.aliases[tab])
                notebook = make_notebook(selected, tab, prose.get(chapter.path), quick, sort_in)
                code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
                if uses := used_symbols(code, library):
                    notebook.metadata["bookc"]["uses"] = uses
                notebooks[tab, chapter.path] = notebook
    return notebooks


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What `write_notebooks` did.

    Attributes:
        files: every notebook or script, and what they show.
        changed: how many notebooks were not there yet, or were different.
        kept: a warning for each notebook that somebody edited, and that is not of today's chapter.
    """

    files: tuple[Path, ...]
    changed: int
    kept: tuple[Problem, ...]


def write_notebooks(build: Build, folder: Path, script: str = "", force: bool = False) -> Written:
    """Write `folder`/<tab>/<section>.ipynb, and what the pages show beside them.

    A notebook that somebody edited stays as it is; one that was run keeps its outputs.

    Args:
        script: jupytext's name of a script format (`py:percent`) to write instead.
        force: write edited notebooks anew as well.
    """
    changed = 0
    kept: list[Problem] = []
    texts = {s: _text(notebook, script) for s, notebook in build.notebooks.items()}
    _claim(build, folder, script, force, texts)
    for section, notebook in build.notebooks.items():
        target = notebook_file(folder, section, script)
        text = texts[section]
        present = None if force or script else _present(target, text)
        if present is not None and is_edited(present):
            if present.metadata["bookc"]["base"] != notebook.metadata["bookc"]["base"]:
                kept.append(Problem(str(target), 0, KEPT, warning=True))
            continue
        if present is not None and any(cell.get("outputs") for cell in present.cells):
            text = notebook_text(with_outputs(notebook, present))
        changed += disk.write_file(target, text)
    written = [notebook_file(folder, section, script) for section in build.notebooks]
    resources = files.copy_resources(build.config, [folder / tab for tab in build.tabs])
    return Written((*written, *resources), changed, tuple(kept))


def _text(notebook: NotebookNode, script: str) -> str:
    """A notebook as it stands in its file, or as a script."""
    if script:
        import jupytext  # 0.4 s, and few write scripts

        return str(jupytext.writes(notebook, fmt=script))
    note_base(notebook)
    return notebook_text(notebook, check=False)  # valid as it was made: the tests look


def _claim(
    build: Build, folder: Path, script: str, force: bool, texts: Mapping[TabSection, str]
) -> None:
    """See that nothing is overwritten but what bookc wrote, here or in another checkout.

    Raises:
        BookError: other files are in the way.
    """
    config = build.config
    contents: dict[str, str | Path | None] = {}
    for section, text in texts.items():
        name = notebook_file(Path(), section, script)
        ours = force or _is_ours(folder / name)
        contents[name.as_posix()] = None if ours else text
    for copy, file in files.resource_copies(config, build.tabs).items():
        contents[copy] = None if force else file
    claim(folder_list(config, folder), folder, contents)


def _is_ours(file: Path) -> bool:
    """Whether a file is a notebook that bookc compiled, whatever became of it since."""
    present = _present(file, "")
    return present is not None and is_compiled(present)


def _present(file: Path, text: str) -> NotebookNode | None:
    """The notebook that a file holds; None if it is none, or what will be written."""
    if not file.is_file() or (present := file.read_bytes()) == text.encode():
        return None
    try:
        return read_record(present.decode(), str(file))
    except (BookError, UnicodeDecodeError):
        return None


def notebook_file(folder: Path, section: TabSection, script: str = "") -> Path:
    """Where `write_notebooks` puts a section."""
    tab, path = section
    return folder / tab / f"{path}.{script.split(':')[0] or 'ipynb'}"


def with_code(build: Build, sections: Sequence[str] = ()) -> Build:
    """The build with those notebooks only that have code, of the named sections if any are named.

    Raises:
        BookError: a name that is no section with code.
    """
    coded = {
        section: notebook
        for section, notebook in build.notebooks.items()
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
    chosen = {key: notebook for key, notebook in coded.items() if not names or key[1] in names}
    return dataclasses.replace(build, notebooks=chosen)
