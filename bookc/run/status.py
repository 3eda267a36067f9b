"""Build and record -> for each notebook whether its outputs are of today's code, or why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bookc.book import Build, TabSection
from bookc.config import Config
from bookc.notebook.compile import with_code
from bookc.notebook.file import NotebookNode, code_cells
from bookc.notebook.uses import definitions, library_sources, read_library
from bookc.problems import BookError
from bookc.run.environments import framework_version
from bookc.run.history import failed_runs, read_history
from bookc.run.record import code_digests, record_of, seconds_of


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one notebook's record.

    Attributes:
        section: its tab and path.
        reasons: why it is stale, in words; empty if it is fresh.
        seconds: how long it ran last; 0 if that is not known.
        device: where: `cpu`, or `gpu 0`; "" if that is not known.
        failed: whether its last run on this machine failed.
    """

    section: TabSection
    reasons: tuple[str, ...]
    seconds: float
    device: str = ""
    failed: bool = False

    @property
    def is_fresh(self) -> bool:
        return not self.reasons


def statuses(build: Build) -> list[Status]:
    """The status of each notebook that has code, in book order."""
    known = read_library(library_sources(build.config))
    history = read_history(build.config)
    found = []
    for section, notebook in with_code(build).notebooks.items():
        record = None
        try:
            record = record_of(build.config, *section)
            code = [cell.source for cell in code_cells(notebook)]
            full_names = definitions(code, known)
            why = tuple(_reasons(build.config, section, notebook, record, full_names))
        except BookError as error:
            why = tuple(problem.message for problem in error.problems)
        if last := history.get(section):
            found.append(Status(section, why, last.seconds, last.device, last.failed))
        else:
            device = record.metadata.get("bookc", {}).get("device", "") if record else ""
            found.append(Status(section, why, seconds_of(record), str(device)))
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
    where = code_cells(notebook)[number].metadata["bookc"]
    return f"cell {number + 1} changed at {where['source']}:{where['line']}"


def _without_uses(notebook: NotebookNode) -> NotebookNode:
    """The notebook as if its code used nothing of the library."""
    about = {k: v for k, v in notebook.metadata.get("bookc", {}).items() if k != "uses"}
    return NotebookNode(notebook, metadata=NotebookNode(notebook.metadata, bookc=about))


def choose(
    build: Build,
    everything: bool = False,
    failed: bool = False,
    only: Sequence[str] = (),
    force: Sequence[str] = (),
) -> Build:
    """The build with those notebooks only that are to run.

    Args:
        everything: also what is fresh.
        failed: only what failed when it ran last.
        only: of these sections alone; of all if there are none.
        force: these sections in any case.

    Raises:
        BookError: sections that do not exist or have no code.
    """
    wanted = set(with_code(build, only).notebooks)
    if failed:
        wanted &= failed_runs(read_history(build.config))
    elif not everything:
        wanted &= {one.section for one in statuses(build) if not one.is_fresh}
    if force:
        wanted |= set(with_code(build, force).notebooks)
    notebooks = {section: nb for section, nb in build.notebooks.items() if section in wanted}
    return dataclasses.replace(build, notebooks=notebooks)
