"""Book -> notebooks and library, as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import files
from bookc.book import Book
from bookc.notebook.aliases import apply_aliases
from bookc.notebook.edited import is_edited, note_base, with_outputs
from bookc.notebook.file import NotebookNode, notebook_text, read_record
from bookc.notebook.imports import sorting_folder
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.notebook.uses import library_sources, read_library, used_symbols
from bookc.problems import BookError, Problem

if TYPE_CHECKING:
    from bookc.read.references import Refs

Section = tuple[str, str]  # (tab, section path)
KEPT = (
    "was edited, and its chapter has changed since: it stays as it is until `bookc sync` has "
    "brought the edits back, or `bookc notebooks --force` writes it anew"
)


def compile_notebooks(
    book: Book, resolved: Refs | None, tabs: Sequence[str], quick: bool = False
) -> dict[Section, NotebookNode]:
    """Every notebook of the given tabs, without outputs, in book order.

    Args:
        resolved: what references read as; None leaves d2lbook's marks in the prose.
    """
    sort_in = sorting_folder(book.config)
    library = read_library(library_sources(book.config))
    prose: dict[str, dict[str, str]] = {}
    if resolved is not None:
        from bookc.notebook.prose import readable_prose  # a Markdown parser: not for raw notebooks

        prose = {chapter.path: readable_prose(chapter, resolved) for chapter in book.chapters}
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


def write_notebooks(
    book: Book,
    notebooks: Mapping[Section, NotebookNode],
    folder: Path,
    script: str = "",
    force: bool = False,
) -> tuple[int, list[Problem]]:
    """Write `folder`/<tab>/<section>.ipynb, and what the pages show beside them.

    A notebook that somebody edited stays as it is; one that was run keeps its outputs.

    Args:
        script: jupytext's name of a script format (`py:percent`) to write instead.
        force: write edited notebooks anew as well.

    Returns:
        How many files changed, and a warning for each notebook that is not of today's chapter.
    """
    changed, kept = 0, []
    for section, notebook in notebooks.items():
        target = notebook_file(folder, section, script)
        if script:
            import jupytext  # 0.4 s, and few write scripts

            changed += files.write_file(target, jupytext.writes(notebook, fmt=script))
            continue
        note_base(notebook)
        text = notebook_text(notebook, check=False)  # valid as it was made: the tests look
        present = None if force else _present(target, text)
        if present is not None and is_edited(present):
            if present.metadata["bookc"]["base"] != notebook.metadata["bookc"]["base"]:
                kept.append(Problem(str(target), 0, KEPT, warning=True))
            continue
        if present is not None and any(cell.get("outputs") for cell in present.cells):
            text = notebook_text(with_outputs(notebook, present))
        changed += files.write_file(target, text)
    files.copy_resources(book.config, {folder / tab for tab, _ in notebooks})
    return changed, kept


def _present(file: Path, text: str) -> NotebookNode | None:
    """The notebook that a file holds; None if it is none, or what will be written."""
    if not file.is_file() or (present := file.read_bytes()) == text.encode():
        return None
    try:
        return read_record(present.decode(), str(file))
    except (BookError, UnicodeDecodeError):
        return None


def notebook_file(folder: Path, section: Section, script: str = "") -> Path:
    """Where `write_notebooks` puts a section."""
    tab, path = section
    return folder / tab / f"{path}.{script.split(':')[0] or 'ipynb'}"


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
