"""Quick notebooks -> faults: nbval runs them and compares what they print with the record."""

from __future__ import annotations

import copy
import dataclasses
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bookc import files
from bookc.book import Build, Recorded, TabSection
from bookc.config import Config
from bookc.notebook.compile import compile_notebooks, with_code
from bookc.notebook.file import NotebookNode, code_cells, nbformat
from bookc.notebook.library import write_libraries
from bookc.notebook.notebook import source_line
from bookc.problems import Problem
from bookc.run.environments import environment_of, framework_version, missing_frameworks
from bookc.run.execute import DARK, kernel_environment, places_of
from bookc.run.marks import COMMENT, IGNORED, NBVAL_SKIP, SKIPPED, add_tag, marks_of
from bookc.run.record import (
    code_digests,
    match_outputs,
    record_of,
    stale_cells,
)
from bookc.run.tidy import ANSI, CELL_FILE, VARYING


@dataclass(frozen=True, slots=True)
class Checked:
    """What nbval did.

    Attributes:
        compared: how many cells' outputs were compared.
        executed: how many cells ran.
        others: how many were not compared, by the reason why.
        problems: what is wrong.
        details: nbval's own words about it.
    """

    compared: int
    executed: int
    others: Mapping[str, int]
    problems: tuple[Problem, ...]
    details: str


def make_checkable(
    full: NotebookNode, quick: NotebookNode, recorded: Mapping[str, Recorded]
) -> NotebookNode:
    """The quick notebook with recorded outputs where they must appear again.

    A cell is compared when all code up to it is the same in the quick build, and its author does
    not say otherwise. The others say why not in `bookc.why` of their metadata.
    """
    same = {digest for digest, _ in code_digests(full)}
    result = copy.deepcopy(quick)
    for digest, cell in code_digests(result):
        record = recorded.get(cell.id)
        cell.execution_count = 1  # nbval compares only cells that have been run
        if cell.source.rstrip().endswith(";"):
            # IPython looks for this semicolon in its history, and nbval runs without one.
            cell.source += "\nNone"
        marks = marks_of(cell)
        if SKIPPED in marks:
            why = "is not to be run"
        elif IGNORED in marks:
            why = "differs from run to run, its author says"
        elif digest not in same:
            why = "has a quick value, or follows one"
        elif record is None or record.stale:
            why = "has no output of today's code"
        else:
            why = ""
            cell.outputs = [nbformat.from_dict(one) for one in record.outputs]
        if why:
            cell.metadata["bookc"]["why"] = why
            if not COMMENT.search(cell.source):  # nbval warns of a cell that it is told twice about
                add_tag(cell, NBVAL_SKIP if SKIPPED in marks else IGNORED)
    return result


def sanitizers(places: Iterable[str]) -> str:
    """For nbval's --nbval-sanitize-with: what counts as equal whatever it is.

    Args:
        places: folders of this machine, which the record has not.
    """
    patterns = {name: (pattern, name.upper()) for name, pattern in VARYING.items()}
    patterns["cell"] = rf"{CELL_FILE.pattern}|<cell \d+>", "CELL"
    patterns["escape"] = ANSI.pattern, ""
    for number, place in enumerate(sorted(places, key=len, reverse=True)):
        patterns[f"place-{number}"] = rf"{re.escape(place)}[/\\]", ""
    return "".join(
        f"[{name}]\nregex: {pattern}\nreplace: {instead}\n\n"
        for name, (pattern, instead) in patterns.items()
    )


def run_nbval(
    notebooks: Mapping[Path, NotebookNode],
    folder: Path,
    timeout: int,
    jobs: int,
    places: Iterable[str] = (),
) -> Checked:
    """Write the notebooks below `folder`, run nbval on them, and read what it found.

    Args:
        notebooks: by path relative to `folder`.
        timeout: seconds that one cell may take.
        jobs: notebooks at a time.
        places: folders of this machine, which outputs may name.
    """
    for path, notebook in notebooks.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / path)
    sanitize, report = folder / "sanitize.ini", folder / "nbval.xml"
    sanitize.write_text(sanitizers(places), encoding="utf-8")
    # An empty configuration: the project's own pytest options are not meant for notebooks.
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "--nbval"]
    command += ["--nbval-sanitize-with", str(sanitize), f"--nbval-cell-timeout={timeout}"]
    command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]  # xunit1 names the file
    command += ["-p", "bookc.run.tolerance"]
    command += ["-p", "nbval.plugin", "-p", "xdist.plugin"]  # and no other plugin: they cost time
    workers = min(jobs, len(notebooks))
    if workers > 1:
        command += ["-n", str(workers), "--dist", "loadscope"]  # one notebook, one kernel
    command += [str(path) for path in notebooks]
    # As `execute` does: what C++ libraries log is no output.
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(
        "get_config().IPKernelApp.capture_fd_output = False\n", encoding="utf-8"
    )
    environment = kernel_environment(jobs)
    environment["IPYTHONDIR"] = str(folder / "ipython")
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in DARK:
        environment.pop(name)  # the pictures for dark pages are not compared
    environment.pop("PYTEST_ADDOPTS", None)  # meant for the tests that may have started us
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if not report.exists():
        return Checked(0, 0, {}, (Problem("nbval", 0, "did not run"),), run.stdout + run.stderr)
    return _read_report(report, notebooks, run.stdout)


def _read_report(report: Path, notebooks: Mapping[Path, NotebookNode], stdout: str) -> Checked:
    expected = sum(len(code_cells(notebook)) for notebook in notebooks.values())
    seen = executed = 0
    others: Counter[str] = Counter()
    problems, details = [], []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        notebook = notebooks[Path(case.get("file", ""))]
        cell = code_cells(notebook)[int(case.get("name", "").removeprefix("Cell "))]
        seen += 1
        executed += SKIPPED not in marks_of(cell)
        if why := cell.metadata["bookc"].get("why"):
            others[why] += 1
        for fault in [*case.iter("failure"), *case.iter("error")]:
            text = fault.text or ""
            what = "its output differs" if "outputs differ" in text else "it does not run"
            message = f"{what} in the {notebook.metadata['bookc']['tab']} notebook"
            where = Problem(cell.metadata["bookc"]["source"], source_line(cell, 1), message)
            problems.append(where)
            details.append(f"{where}\n{text}")
    if seen != expected:
        problems.append(Problem("nbval", 0, f"saw {seen} of {expected} cells"))
        details.append(stdout)
    compared = seen - sum(others.values())
    return Checked(compared, executed, others, tuple(problems), "\n".join(details))


def check_book(build: Build, sections: Sequence[str], jobs: int) -> Checked:
    """Is the record of today's code, and does a quick run print what it says?"""
    config, tabs = build.config, build.tabs
    full = with_code(build, sections).notebooks
    quick = compile_notebooks(build.book, build.refs, tabs, quick=True)
    problems = missing_frameworks(config, tabs)
    problems += [
        Problem(files.shown(file, config), 0, "not what the chapters save: run `bookc build lib`")
        for file in write_libraries(build.book, check=True)
    ]
    runnable = {}
    for section, notebook in full.items():
        tab, path = section
        problems += _record_problems(config, section, notebook)
        if not missing_frameworks(config, [tab]):
            record = record_of(config, tab, path)
            recorded = match_outputs(notebook, record) if record is not None else {}
            checkable = make_checkable(notebook, quick[section], recorded)
            checkable.metadata.kernelspec.name = environment_of(config, tab).kernel
            runnable[Path(tab) / f"{path}.ipynb"] = checkable
    with tempfile.TemporaryDirectory(prefix="bookc-check-") as name:
        folder = Path(name)
        files.copy_resources(config, [folder / tab for tab in tabs])
        places = {place for tab in tabs for place in places_of(config, tab)}
        checked = run_nbval(runnable, folder, config.timeout, jobs, places)
    return dataclasses.replace(checked, problems=(*problems, *checked.problems))


def _record_problems(config: Config, section: TabSection, notebook: NotebookNode) -> list[Problem]:
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
    made, now = record.metadata.get("bookc", {}).get("versions"), framework_version(config, tab)
    if now and made != now:
        problems.append(Problem(source, 0, f"executed with {made}, installed is {now}: {again}"))
    return problems
