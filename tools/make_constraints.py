"""Write constraints/FRAMEWORK.txt: every package that a framework's notebooks need, with hashes.

    python tools/make_constraints.py             # all three; asks pip's index
    python tools/make_constraints.py --check     # are they made of today's requirements?

    pip install --require-hashes -r constraints/mxnet.txt
    pip install --no-deps -e ./bookc -e ./d2l_shim

They hold for Linux on x86-64 and Python 3.11. PyTorch is the build without CUDA, which is found by
`--extra-index-url https://download.pytorch.org/whl/cpu`.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tomllib
from packaging.version import Version

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "constraints"
FRAMEWORKS = ("pytorch", "tensorflow", "mxnet")


def requirements(framework: str) -> list[str]:
    """What the notebooks of a framework need, and bookc with what runs and tests them."""
    found: list[str] = []
    for name, extras in {"bookc": ["test"], "d2l_shim": ["notebook", framework]}.items():
        project = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
        found += project["dependencies"]
        for extra in extras:
            found += project["optional-dependencies"][extra]
    return sorted(set(found))


def digest(framework: str) -> str:
    """Of all that a file is made of, but for the index."""
    text = "\n".join([*requirements(framework), (ROOT / "constraints.txt").read_text()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def resolved(framework: str) -> list[str]:
    """pip's answer: a line for each package that would be installed in an empty environment."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", str(report)]
        command += ["--constraint", str(ROOT / "constraints.txt"), *requirements(framework)]
        subprocess.run(command, check=True)
        packages = json.loads(report.read_text())["install"]
    lines = []
    for package in packages:
        about = package["metadata"]
        kind, _, value = package["download_info"]["archive_info"]["hash"].partition("=")
        name = re.sub(r"[-_.]+", "-", about["name"]).lower()
        lines.append(f"{name}=={Version(about['version']).public} --hash={kind}:{value}\n")
    return sorted(lines)


def is_current(framework: str) -> bool:
    """Whether a file is made of today's requirements."""
    file = FOLDER / f"{framework}.txt"
    return file.exists() and digest(framework) in file.read_text().split("\n", 2)[1]


def main(words: list[str]) -> int:
    if words == ["--check"]:
        due = [framework for framework in FRAMEWORKS if not is_current(framework)]
        for framework in due:
            print(f"constraints/{framework}.txt is not made of today's requirements")
        return 1 if due else 0
    FOLDER.mkdir(exist_ok=True)
    for framework in words or FRAMEWORKS:
        head = "# Written by tools/make_constraints.py: Linux on x86-64, Python 3.11.\n"
        head += f"# of {digest(framework)}\n"
        lines = resolved(framework)
        (FOLDER / f"{framework}.txt").write_text(head + "".join(lines))
        print(f"constraints/{framework}.txt: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
