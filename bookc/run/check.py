"""Quick notebooks -> faults: nbval runs them and compares what they print with the record."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bookc import files
from bookc.book import Build, Recorded, TabSection
from bookc.config import Config
from bookc.notebook.compile import compile_notebooks, with_code
from bookc.notebook.file import NotebookNode, nbformat
from bookc.notebook.library import write_libraries
from bookc.notebook.notebook import source_line
from bookc.problems import Problem
from bookc.run.kernels import kernel_environment
from bookc.run.record import (
    IGNORED,
    VARYING,
    code_digests,
    framework_version,
    heaviest_picture,
    match_outputs,
    missing_frameworks,
    record_of,
    stale_cells,
)

# For nbval's --nbval-sanitize-with.
SANITIZE = "".join(
    f"[{name}]\nregex: {pattern}\nreplace: {name.upper()}\n\n" for name, pattern in VARYING.items()
)

PICTURE_LIMIT = 150_000  # bytes of one PNG: pages and clones stay light


@dataclass(frozen=True, slots=True)
class Checked:
    """What nbval did: cells whose output was compared, cells that were only run, and faults."""

    compared: int
    executed: int
    problems: tuple[Problem, ...]
    details: str


def make_checkable(
    full: NotebookNode, quick: NotebookNode, recorded: Mapping[str, Recorded]
) -> NotebookNode:
    """The quick notebook with recorded outputs where they must appear again.

    A cell is compared when all code up to it is the same in the quick build; the others are
    tagged so that nbval runs them without comparing.
    """
    same = {digest for digest, _ in code_digests(full)}
    result = copy.deepcopy(quick)
    for digest, cell in code_digests(result):
        record = recorded.get(cell.id)
        cell.execution_count = 1  # nbval compares only cells that have been run
        if cell.source.rstrip().endswith(";"):
            # IPython looks for this semicolon in its history, and nbval runs without one.
            cell.source += "\nNone"
        if record is not None and digest in same and not record.stale:
            cell.outputs = [nbformat.from_dict(one) for one in record.outputs]
        else:
            cell.metadata.setdefault("tags", []).append(IGNORED)
    return result


def run_nbval(
    notebooks: Mapping[Path, NotebookNode], folder: Path, timeout: int, jobs: int
) -> Checked:
    """Write the notebooks below `folder`, run nbval on them, and read what it found.

    Args:
        notebooks: by path relative to `folder`.
        timeout: seconds that one cell may take.
        jobs: notebooks at a time.
    """
    for path, notebook in notebooks.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / path)
    sanitize, report = folder / "sanitize.ini", folder / "nbval.xml"
    sanitize.write_text(SANITIZE, encoding="utf-8")
    # An empty configuration: the project's own pytest options are not meant for notebooks.
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "--nbval"]
    command += ["--nbval-sanitize-with", str(sanitize), f"--nbval-cell-timeout={timeout}"]
    command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]  # xunit1 names the file
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
    environment.pop("D2L_DARK", None)  # the pictures for dark pages are not compared
    environment.pop("PYTEST_ADDOPTS", None)  # meant for the tests that may have started us
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if not report.exists():
        return Checked(0, 0, (Problem("nbval", 0, "did not run"),), run.stdout + run.stderr)
    return _read_report(report, notebooks, run.stdout)


def _read_report(report: Path, notebooks: Mapping[Path, NotebookNode], stdout: str) -> Checked:
    expected = sum(len(_code_cells(notebook)) for notebook in notebooks.values())
    compared = executed = 0
    problems, details = [], []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        notebook = notebooks[Path(case.get("file", ""))]
        cell = _code_cells(notebook)[int(case.get("name", "").removeprefix("Cell "))]
        executed += 1
        compared += IGNORED not in cell.metadata.get("tags", [])
        for fault in [*case.iter("failure"), *case.iter("error")]:
            text = fault.text or ""
            what = "its output differs" if "outputs differ" in text else "it does not run"
            message = f"{what} in the {notebook.metadata['bookc']['tab']} notebook"
            where = Problem(cell.metadata["bookc"]["source"], source_line(cell, 1), message)
            problems.append(where)
            details.append(f"{where}\n{text}")
    if executed != expected:
        problems.append(Problem("nbval", 0, f"ran {executed} of {expected} cells"))
        details.append(stdout)
    return Checked(compared, executed, tuple(problems), "\n".join(details))


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


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
            runnable[Path(tab) / f"{path}.ipynb"] = checkable
    with tempfile.TemporaryDirectory(prefix="bookc-check-") as name:
        folder = Path(name)
        files.copy_resources(config, [folder / tab for tab in tabs])
        checked = run_nbval(runnable, folder, config.timeout, jobs)
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
    for cell in record.cells:
        size = heaviest_picture(cell)
        if size > PICTURE_LIMIT:
            message = f"a picture of {size // 1000} KB in the {tab} record: {PICTURE_LIMIT // 1000}"
            line = cell.metadata.get("bookc", {}).get("line", 0)
            problems.append(Problem(source, line, f"{message} KB are allowed"))
    return problems
