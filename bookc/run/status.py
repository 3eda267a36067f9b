"""Build and record -> for each notebook whether its outputs are of today's code, or why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from bookc.book import Build, TabSection
from bookc.config import Config
from bookc.notebook.compile import with_code
from bookc.notebook.file import NotebookNode
from bookc.notebook.uses import definitions, library_sources, read_library
from bookc.problems import BookError
from bookc.run.record import code_digests, framework_version, record_of


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one notebook's record.

    Attributes:
        section: its tab and path.
        reasons: why it is stale, in words; empty if it is fresh.
        seconds: how long it ran when it was recorded; 0 if that is not known.
    """

    section: TabSection
    reasons: tuple[str, ...]
    seconds: float

    @property
    def is_fresh(self) -> bool:
        return not self.reasons


def statuses(build: Build) -> list[Status]:
    """The status of each notebook that has code, in book order."""
    known = read_library(library_sources(build.config))
    found = []
    for section, notebook in with_code(build).notebooks.items():
        try:
            record = record_of(build.config, *section)
        except BookError as error:
            reasons = tuple(problem.message for problem in error.problems)
            found.append(Status(section, reasons, 0.0))
            continue
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        full_names = definitions(code, known)
        why = tuple(_reasons(build.config, section, notebook, record, full_names))
        seconds = record.metadata.get("bookc", {}).get("seconds", 0) if record else 0
        found.append(Status(section, why, float(seconds) if type(seconds) in (int, float) else 0.0))
    return found


def _reasons(
    config: Config,
    section: TabSection,
    notebook: NotebookNode,
    record: NotebookNode | None,
    full_names: dict[str, str],
) -> Iterator[str]:
    """Why a record is not of today's code, library and framework.

    A cell that changed makes all cells behind it stale, so only the first is named.
    """
    if record is None:
        yield "never run"
        return
    about = record.metadata.get("bookc", {})
    executed = {digest for digest, _ in code_digests(record)}
    stale = [digest not in executed for digest, _ in code_digests(notebook)]
    if any(stale):
        alone = {digest for digest, _ in code_digests(_without_uses(record))}
        changed = [digest not in alone for digest, _ in code_digests(_without_uses(notebook))]
        if any(changed):
            yield _changed_cell(notebook, changed.index(True))
        else:
            now, then = notebook.metadata["bookc"].get("uses", {}), about.get("uses", {})
            names = [name for name in {**then, **now} if now.get(name) != then.get(name)]
            for name in sorted(names):
                yield f"{full_names.get(name, name)} changed"
    made, installed = about.get("versions"), framework_version(config, section[0])
    if installed and made != installed:
        before = made if isinstance(made, dict) else {}
        for module, version in installed.items():
            yield f"{module} {before.get(module, 'unknown')} -> {version}"


def _changed_cell(notebook: NotebookNode, number: int) -> str:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    where = code[number].metadata["bookc"]
    return f"cell {number + 1} changed at {where['source']}:{where['line']}"


def _without_uses(notebook: NotebookNode) -> NotebookNode:
    """The notebook as if its code used nothing of the library."""
    about = {k: v for k, v in notebook.metadata.get("bookc", {}).items() if k != "uses"}
    return NotebookNode(notebook, metadata=NotebookNode(notebook.metadata, bookc=about))


def only_stale(build: Build) -> Build:
    """The build with those notebooks only that have to run again."""
    stale = {one.section for one in statuses(build) if not one.is_fresh}
    notebooks = {section: nb for section, nb in build.notebooks.items() if section in stale}
    return dataclasses.replace(build, notebooks=notebooks)
