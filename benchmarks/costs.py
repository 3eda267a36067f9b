"""What the benchmarks share: a command's cost, and copies of a book that nobody executes."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MARKS = re.compile(r"(:(?:label|eqlabel|numref|ref|eqref):`+)([^`]+)`")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: wall-clock and processor seconds, and its peak memory in MB."""

    wall: float
    cpu: float
    memory: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


def run(command: Sequence[object], folder: Path, *programs: Path) -> Cost:
    """Run a command on one core.

    Args:
        programs: folders whose programs it finds first.

    Raises:
        SystemExit: with what it printed, if it fails.
    """
    core = min(os.sched_getaffinity(0))
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        if status:
            output.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\n{output.read().decode()[-4000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def copy_book(source: Path, target: Path, times: int = 1) -> Path:
    """A copy that neither compiler executes; with `times` the book stands in it so many times."""
    ignored = shutil.ignore_patterns("_build", ".*")
    shutil.copytree(source, target, ignore=ignored)
    config = target / "config.ini"
    ini = configparser.RawConfigParser()
    ini.read_string(config.read_text(encoding="utf-8"))
    ini["build"]["eval_notebook"] = "False"
    if times > 1:
        for number in range(times):
            part = target / f"copy{number}"
            shutil.copytree(source, part, ignore=ignored)
            for file in part.rglob("*.md"):
                text = MARKS.sub(rf"\1\2-{number}`", file.read_text(encoding="utf-8"))
                file.write_text(text, encoding="utf-8")
        for folder in target.iterdir():  # the original's own chapters
            if folder.is_dir() and not folder.name.startswith("copy") and list(folder.glob("*.md")):
                shutil.rmtree(folder)
        toc = "\n".join(f"copy{number}/index" for number in range(times))
        (target / "index.md").write_text(f"# Books\n```toc\n{toc}\n```\n", encoding="utf-8")
        build = ini["build"]
        for key in ("notebooks", "exclusions"):
            patterns = build.get(key, "").split()
            build[key] = " ".join(
                f"copy{number}/{pattern}" for number in range(times) for pattern in patterns
            )
        build["notebooks"] += " index.md"
        build["resources"] = ""
    with config.open("w", encoding="utf-8") as file:
        ini.write(file)
    return target
