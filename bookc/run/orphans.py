"""Records of sections that are gone: one whose code a new section has is taken over by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bookc import disk, files
from bookc.book import Build, TabSection
from bookc.config import Config
from bookc.notebook.compile import with_code
from bookc.notebook.file import NotebookNode
from bookc.notebook.foreign import read_foreign
from bookc.problems import BookError
from bookc.run.record import code_digests, record_file
from bookc.stamps import remove_empty


def orphans(build: Build) -> Iterator[tuple[str, Path]]:
    """The executed notebooks that no section has, each with its tab."""
    known = {record_file(build.config, *section) for section in with_code(build).notebooks}
    for tab in build.config.tabs:
        for file in sorted((build.config.record_dir / tab).rglob("*.ipynb")):
            if file not in known and files.is_own(build.config, file):
                yield tab, file


def heirs(build: Build) -> Iterator[tuple[TabSection, Path]]:
    """The sections without a record whose code, all of it, an orphan has; each orphan once."""
    lone = list(orphans(build))
    if not lone:
        return
    by_code = {(tab, _code(record)): file for tab, file in lone if (record := _read(build, file))}
    for section, notebook in with_code(build).notebooks.items():
        if record_file(build.config, *section).exists():
            continue
        if file := by_code.pop((section[0], _code(notebook)), None):
            yield section, file


def take_over(build: Build) -> list[str]:
    """Rename orphans to what their sections are called now; a line for each."""
    lines = []
    for section, file in list(heirs(build)):
        target = record_file(build.config, *section)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        remove_empty(file.parent, build.config.record_dir)
        old, new = (files.shown(one, build.config) for one in (file, target))
        lines.append(f"{old} has the code of {section[1]}: renamed to {new}")
    return lines


def remove(config: Config, lone: list[tuple[str, Path]]) -> None:
    """Remove executed notebooks, and folders that become empty."""
    for _, file in lone:
        file.unlink(missing_ok=True)
        remove_empty(file.parent, config.record_dir)


def _read(build: Build, file: Path) -> NotebookNode | None:
    name = files.shown(file, build.config)
    try:
        return read_foreign(disk.read_text(file, name), name)[0]
    except BookError:
        return None


def _code(notebook: NotebookNode) -> tuple[str, ...]:
    return tuple(digest for digest, _ in code_digests(notebook))
