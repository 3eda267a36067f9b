"""Install the library under every Python at hand, run its tests there, and print one table.

    python tools/interpreters.py            # or: make interpreters
    python tools/interpreters.py 3.12 3.13

For each of Python 3.10 to 3.13 that is on PATH or below ~/.pyenv/versions, an environment is
made in _build/interpreters, first with NumPy 2 and then with 1.26, with every framework that pip
finds for both. What is built from this folder is installed as a wheel, so the tests see what a user
gets and not the sources. An environment that exists is used again: delete the folder to start
afresh. PyTorch's wheels on PyPI carry CUDA, about 5 GB in each environment.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "_build" / "interpreters"
MINORS = ("3.10", "3.11", "3.12", "3.13")
NUMPYS = ("numpy>=2", "numpy~=1.26.0")
FRAMEWORKS = {  # module: our extra, and the package, at the version of constraints.txt
    "torch": ("pytorch", "torch"),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "mxnet": ("mxnet", "mxnet"),
}
TEST_NEEDS = ["pytest", "hypothesis", "nbclient", "nbformat", "ipykernel", "packaging"]
RUNS = 5  # of each import that is timed


@dataclass
class Row:
    """One environment: what is in it, how the tests went, how long imports take."""

    python: str
    numpy: str
    versions: dict[str, str] = field(default_factory=dict)  # of frameworks, or "-"
    passed: str = "-"
    failed: str = "-"
    milliseconds: dict[str, float] = field(default_factory=dict)  # "" is d2l_shim alone
    notes: list[str] = field(default_factory=list)


def run(command: Sequence[str | Path], limit: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run a command outside of the sources, so that Python imports what is installed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True, text=True, cwd=WORK, env=environment, timeout=limit,
    )  # fmt: skip


def reason(output: str) -> str:
    """The line that says why a command failed: pip's first ERROR, a crash, or an exception."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("ERROR: Ignored the following")]
    errors = [line for line in lines if line.startswith(("ERROR: ", "Fatal Python error: "))]
    line = (errors or lines[-1:] or ["no output"])[0].removeprefix("ERROR: ")
    return line.partition(" (from versions: ")[0]


def find_pythons(wanted: Sequence[str]) -> dict[str, Path]:
    """An interpreter for each version that is present and runs."""
    found: dict[str, Path] = {}
    for minor in wanted:
        installed = sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python"))
        on_path = shutil.which(f"python{minor}")
        for python in [*installed[::-1], *([Path(on_path)] if on_path else [])]:
            check = f"import sys, venv; assert '%d.%d' % sys.version_info[:2] == '{minor}'"
            if run([python, "-c", check]).returncode == 0:
                found[minor] = python
                break
    return found


def build_wheel(python: Path) -> Path:
    """A wheel of a copy of the package: building leaves no trace in the sources."""
    source, target = WORK / "source", WORK / "wheel"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "d2l_shim", source)
    done = run([python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", target, source])
    if done.returncode:
        sys.exit(f"the package cannot be built: {reason(done.stderr)}")
    return next(target.glob("*.whl"))


def install(python: Path, *what: str | Path) -> str:
    """Install, and return why it could not be done, or nothing."""
    done = run([python, "-m", "pip", "install", "--quiet", "--only-binary=numpy", *what])
    return reason(done.stderr) if done.returncode else ""


def version(python: Path, package: str) -> str:
    done = run(
        [python, "-c", f"from importlib.metadata import version; print(version('{package}'))"]
    )
    return done.stdout.strip() or "-"


def measure(python: Path, before: str, statement: str) -> float:
    """Milliseconds that a statement takes in a new process, the median of some runs."""
    code = (
        "import time, warnings\nwarnings.simplefilter('ignore')\n"
        f"{before}\nstart = time.perf_counter()\n{statement}\n"
        "print((time.perf_counter() - start) * 1000)"
    )
    times = []
    for _ in range(RUNS + 1):
        done = run([python, "-c", code])
        times.append(float(done.stdout.split()[-1]))
    return statistics.median(times[1:])  # the first fills the caches


def add_frameworks(python: Path, wheel: Path, spec: str, row: Row) -> None:
    """Install what exists for this Python and NumPy; say why the rest does not."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for module, (extra, package) in FRAMEWORKS.items():
        pin = next(line for line in lines if line.startswith(f"{package}=="))
        why = install(python, f"{wheel}[{extra}]", pin, spec)
        if not why:
            done = run([python, "-W", "ignore", "-c", f"from d2l_shim import {module}"])
            why = reason(done.stderr) if done.returncode else ""
        if why:
            run([python, "-m", "pip", "uninstall", "--quiet", "--yes", package])
            row.notes.append(f"{module}: {why}")
        row.versions[module] = "-" if why else version(python, package)


def run_tests(python: Path, row: Row) -> None:
    """Run the library's tests with the project's settings, warnings as errors among them."""
    report = WORK / "tests.xml"
    report.unlink(missing_ok=True)
    files = sorted((ROOT / "tests" / "shim").glob("test_*.py"))
    done = run([python, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider",
                f"--junitxml={report}", "-o", "junit_family=xunit1", *files])  # fmt: skip
    if not report.is_file():
        row.notes.append(f"tests: {reason(done.stderr or done.stdout)}")
        return
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if {child.tag for child in case} & {"failure", "error"}]
    row.passed, row.failed = str(len(cases) - len(failed)), str(len(failed))
    for case in failed:
        message = next(child for child in case if child.tag in ("failure", "error")).get("message")
        first = (message or "").splitlines()[:1]
        row.notes.append(f"failed: {case.get('name')}: {''.join(first)[:160]}")


def measure_imports(python: Path, row: Row) -> None:
    row.milliseconds[""] = measure(python, "", "import d2l_shim")
    for module, found in row.versions.items():
        if found == "-":
            continue
        before = "import numpy; numpy.bool = numpy.bool_\n" if module == "mxnet" else ""
        row.milliseconds[module] = measure(
            python, f"{before}import {module}", f"from d2l_shim import {module} as d2l"
        )


def try_python(minor: str, python: Path, wheel: Path) -> list[Row]:
    """One environment, with each NumPy in turn."""
    folder = WORK / minor
    inside = folder / "bin" / "python"
    if not inside.exists():
        done = run([python, "-m", "venv", folder])
        if done.returncode:
            return [Row(minor, "-", notes=[reason(done.stderr or done.stdout)])]
    rows = []
    for spec in NUMPYS:
        row = Row(minor, spec)
        rows.append(row)
        print(f"Python {minor}, {spec}", file=sys.stderr, flush=True)
        run([inside, "-m", "pip", "uninstall", "--quiet", "--yes", "mxnet", "d2l-shim"])
        if why := install(inside, wheel, spec, *TEST_NEEDS):
            row.notes.append(why)
            continue
        row.python, row.numpy = run([inside, "-V"]).stdout.split()[1], version(inside, "numpy")
        add_frameworks(inside, wheel, spec, row)
        conflicts = run([inside, "-m", "pip", "check"])
        if conflicts.returncode:
            row.notes += conflicts.stdout.splitlines()
        run_tests(inside, row)
        measure_imports(inside, row)
        print("\n".join(table([row])), file=sys.stderr, flush=True)
    return rows


def table(rows: Sequence[Row]) -> list[str]:
    """A Markdown table, and below it what is missing or failed, and why."""

    def milliseconds(row: Row, module: str) -> str:
        value = row.milliseconds.get(module)
        return "-" if value is None else f"{value:.1f}"

    heads = ["Python", "NumPy", *FRAMEWORKS, "passed", "failed", "d2l_shim"]
    lines = [
        "| " + " | ".join([*heads, *(f"+ {module}" for module in FRAMEWORKS)]) + " |",
        "|:--" * len([*heads, *FRAMEWORKS]) + "|",
    ]
    for row in rows:
        cells = [row.python, row.numpy, *(row.versions.get(name, "-") for name in FRAMEWORKS)]
        cells += [row.passed, row.failed, *(milliseconds(row, name) for name in ("", *FRAMEWORKS))]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- Python {row.python}, {row.numpy}: {note}" for row in rows for note in row.notes]
    return lines


def main(arguments: Sequence[str]) -> int:
    WORK.mkdir(parents=True, exist_ok=True)
    pythons = find_pythons(arguments or MINORS)
    if not pythons:
        sys.exit("none of the Pythons asked for is here")
    wheel = build_wheel(next(iter(pythons.values())))
    rows = [row for minor, python in pythons.items() for row in try_python(minor, python, wheel)]
    print("Imports in milliseconds: d2l_shim alone, and what its module adds to a framework's.\n")
    print("\n".join(table(rows)))
    return int(any(row.failed not in ("0", "-") for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
