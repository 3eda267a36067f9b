"""Book -> notebooks and library, as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import files
from bookc.alias import apply_aliases
from bookc.base import is_edited, note_base, with_outputs
from bookc.book import Book, BookError, Config, Problem
from bookc.imports import sorting_folder
from bookc.ipynb import NotebookNode, notebook_text
from bookc.notebook import make_notebook
from bookc.provenance import read_library, used_symbols
from bookc.record import read_record
from bookc.save import make_library, with_version
from bookc.tabs import select_tab

if TYPE_CHECKING:
    from bookc.refs import Refs

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
    library = read_library(_library_sources(book.config))
    prose: dict[str, dict[str, str]] = {}
    if resolved is not None:
        from bookc.readable import readable_prose  # a Markdown parser: not for raw notebooks

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
