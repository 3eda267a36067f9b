"""Notebooks are executed and checked, and what was recorded is read back."""

from __future__ import annotations

import dataclasses
import importlib.util
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import files
from bookc.book import Book, BookError, Config, Problem
from bookc.build import Section, choose, compile_notebooks, write_libraries
from bookc.download import LOCK
from bookc.ipynb import NotebookNode, notebook_text
from bookc.reading import collecting
from bookc.record import Recorded, heaviest_picture, match_outputs, read_record, stale_cells
from bookc.refs import Refs

if TYPE_CHECKING:
    from bookc.check import Checked
    from bookc.execute import Report, Result

PICTURE_LIMIT = 150_000  # bytes of one PNG: pages and clones stay light


def load_record(
    book: Book, notebooks: Mapping[Section, NotebookNode]
) -> dict[tuple[str, str], Recorded]:
    """Recorded outputs by tab and cell id, for the cells of the compiled notebooks."""
    recorded = {}
    problems: list[Problem] = []
    for (tab, path), notebook in notebooks.items():
        with collecting(problems):
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
    files.copy_resources(config, {place / tab for tab, _ in notebooks})
    for (tab, path), notebook in notebooks.items():
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
        files.copy_resources(config, [folder / tab for tab in tabs])
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
