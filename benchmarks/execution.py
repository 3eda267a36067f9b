"""What it costs to run notebooks with bookc, beside `jupyter nbconvert --execute` in the same run.

    python benchmarks/execution.py             # a book made for it
    python benchmarks/execution.py D2L_EN      # also a real one: to see that nothing is stale
    python benchmarks/execution.py --cluster   # sleepers on 1, 2 and 4 workers of Dask

Each pair is measured in turns, and the median of its rounds is told.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bookc.notebook.file import notebook_text
from bookc.run.build import make_build
from bookc.run.environments import framework_version

ROUNDS = 3
CONFIG = "[project]\ntitle = Book\n[build]\nnotebooks = *.md */*.md\ntabs = {tabs}\n"
CELL = "```{{.python .input}}\n#@tab all\n{}\n```\n"


def make_book(root: Path, sections: int, tabs: str, *cells: str) -> Path:
    """A book whose sections all have the same cells."""
    root.mkdir(parents=True)
    (root / "config.ini").write_text(CONFIG.format(tabs=tabs))
    for number in range(sections):
        name = f"s{number}.md" if number else "index.md"
        (root / name).write_text(f"# Section {number}\n\n" + "\n".join(map(CELL.format, cells)))
    return root


def pretend_executed(root: Path) -> int:
    """Write a record without running anything; how many notebooks it has."""
    build = make_build(root)
    for (tab, path), notebook in build.notebooks.items():
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 1
        notebook.metadata["bookc"]["versions"] = framework_version(build.config, tab)
        file = build.config.record_dir / tab / f"{path}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(notebook_text(notebook))
    return len(build.notebooks)


def bookc(*words: str | Path) -> float:
    return seconds([sys.executable, "-m", "bookc", *map(str, words)])


def seconds(command: list[str], cwd: Path | None = None) -> float:
    """The wall time of a command that has to succeed."""
    begin = time.monotonic()
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{command}: {run.stdout}{run.stderr}")
    return time.monotonic() - begin


def medians(*ways: Callable[[], float]) -> list[float]:
    """The median time of each way, measured in turns."""
    rounds = [[way() for way in ways] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def nothing_stale(name: str, root: Path) -> None:
    count = pretend_executed(root)
    (time_taken,) = medians(lambda: bookc("execute", "--book", root))
    print(f"{name}: nothing stale in {count} notebooks, decided in {time_taken:.2f} s")


def beside_nbconvert(folder: Path, count: int) -> None:
    """The same notebooks by bookc and by nbconvert, one process each."""
    root = make_book(folder / f"of-{count}", count, "python", "x = 1", "print(x + 1)", "x * 2")
    bookc("build", "notebooks", "--book", root)
    notebooks = sorted((root / "_build" / "notebooks" / "python").glob("*.ipynb"))

    def by_nbconvert() -> float:
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute"]
        command += ["--output-dir", str(folder / "converted"), *map(str, notebooks)]
        return seconds(command, root)

    ours, theirs = medians(lambda: bookc("execute", "--all", "--book", root), by_nbconvert)
    print(f"{count} notebooks: bookc {ours:.2f} s, nbconvert {theirs:.2f} s: {ours / theirs:.2f}")


def on_a_cluster(folder: Path, count: int = 16, sleep: int = 2) -> None:
    """Sleepers: what a notebook costs beside its sleep, and how workers share them."""
    code = f"import time\ntime.sleep({sleep})"
    root = make_book(folder / "sleepers", count, "python", code)
    alone = bookc("execute", "--all", "--jobs", "1", "--book", root)
    print(f"{count} notebooks that sleep {sleep} s, one at a time, no cluster: {alone:.1f} s")
    one = 0.0
    for workers in (1, 2, 4):
        taken = bookc("execute", "--all", "--workers", str(workers), "--book", root)
        one = one or taken
        each = (taken * workers - count * sleep) / count
        print(
            f"{workers} workers: {taken:.1f} s, {one / taken:.2f} times as fast as one; "
            f"{each:.2f} s a notebook beside its sleep"
        )


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="execution-") as name:
        folder = Path(name)
        if words == ["--cluster"]:
            on_a_cluster(folder)
            return
        cells = [
            f"def f{n}(x):\n    return [x + {n} for _ in range(x)]\nf{n}(3)" for n in range(20)
        ]
        nothing_stale("made", make_book(folder / "many", 100, "a, b, c, d", *cells))
        for book in words:
            copy = folder / "real"
            shutil.copytree(book, copy, ignore=shutil.ignore_patterns(".git", "_build"))
            nothing_stale(book, copy)
        for count in (1, 8):
            beside_nbconvert(folder, count)


if __name__ == "__main__":
    main(sys.argv[1:])
