"""What the packaging files say about versions, and which module imports which."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import Any

import pytest
import tomllib
from frameworks import ALL, FRAMEWORKS
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "bookc" / "author" / "template"


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name / "pyproject.toml").read_text(encoding="utf-8"))


PROJECTS = {name: read_toml(name)["project"] for name in ("bookc", "d2l_shim")}
EXTRAS: dict[str, list[str]] = PROJECTS["d2l_shim"]["optional-dependencies"]
FOR_TESTS = [
    line.partition("#")[0].strip()
    for line in (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line.partition("#")[0].strip()
]


def requirements() -> dict[str, list[Requirement]]:
    """What is required anywhere, by package."""
    lines = list(FOR_TESTS)
    for project in PROJECTS.values():
        lines += project["dependencies"]
        lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    found: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, lines):
        found.setdefault(requirement.name.lower(), []).append(requirement)
    return found


def pins(lines: list[str]) -> dict[str, str]:
    """`name==version` lines as a dictionary."""
    found = {}
    for line in lines:
        name, equals, version = line.strip().partition("==")
        if equals:
            found[name.lower()] = version
    return found


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split("\n")
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    return pins(lines)


def conda() -> list[str]:
    """The entries of environment.yml's lists; they need no YAML parser."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return [row[1].strip() for row in re.finditer(r"^ +- (?!pip:)(.+)$", text, re.MULTILINE)]


def test_every_pin_is_allowed_by_pyproject():
    required = requirements()
    for name, version in constraints().items():
        assert name in required, f"{name} is pinned, but nothing requires it"
        for requirement in required[name]:
            assert requirement.specifier.contains(version), f"{name}=={version}: {requirement}"


def test_every_framework_is_installed():
    """Tests run over the frameworks that are there; in this environment, over all of them."""
    assert tuple(FRAMEWORKS) == ALL


def test_the_library_asks_for_little_and_pins_nothing_from_above():
    base = [Requirement(line) for line in PROJECTS["d2l_shim"]["dependencies"]]
    allowed = {"numpy", "matplotlib", "ipython", "pillow", "filelock", "tqdm"}
    assert {one.name.lower() for one in base} == allowed
    tabs = ("pytorch", "tensorflow", "mxnet")
    frameworks = [Requirement(line) for tab in tabs for line in EXTRAS[tab]]
    bounded = [
        str(one)
        for one in base + frameworks
        if any(part.operator != ">=" for part in one.specifier)
    ]
    assert bounded == ["numpy<2"]  # MXNet's own limit, in its extra alone


def test_conda_and_pip_install_the_same_versions():
    in_conda = pins(conda())
    of_d2lbook = in_conda.pop("d2lbook")
    assert in_conda == constraints()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"d2lbook=={of_d2lbook}" in makefile


def test_what_else_conda_installs_is_allowed_by_pyproject():
    required = requirements()
    for entry in conda():
        if re.match(r"[\w.-]+[<>]", entry):
            requirement = Requirement(entry)
            assert {one.specifier for one in required[requirement.name]} == {requirement.specifier}
    names = {re.split(r"[=<>]", entry)[0] for entry in conda()}
    wanted = {"jupyter", "jupytext", "torch", "tensorflow-cpu", "mxnet", "d2lbook", "matplotlib"}
    assert wanted <= names
    python = next(entry for entry in conda() if entry.startswith("python="))
    for project in PROJECTS.values():
        wanted = Requirement(f"python{project['requires-python']}")
        assert wanted.specifier.contains(python[7:])


def test_every_extra_that_is_named_exists():
    files = [ROOT / name for name in ("environment.yml", "Makefile", "config.ini")]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "chapters" / "installation.md"]
    for file in [*files, *pages]:
        text = file.read_text(encoding="utf-8").replace("$(FRAMEWORK)", "pytorch")
        assert not re.search(r"pip install[^\n]* '?\.(\[|\s|$)", text), f"{file}: . is no package"
        found = re.findall(r"\./(bookc|d2l_shim)\[([\w, ]+)\]", text)
        assert found or file in pages, file
        for name, extras in found:
            assert set(extras.split(",")) <= set(PROJECTS[name]["optional-dependencies"])
    ini = configparser.ConfigParser()
    ini.read(ROOT / "config.ini", encoding="utf-8")
    tabs = [tab.strip() for tab in ini["build"]["tabs"].split(",")]
    assert set(tabs) <= set(EXTRAS)


@pytest.mark.parametrize("name", PROJECTS)
def test_each_distribution_has_the_licence(name):
    assert (ROOT / name / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", PROJECTS)
def test_every_folder_is_packaged(name):
    packages = read_toml(name)["tool"]["setuptools"]["packages"]
    found = {
        file.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for file in (ROOT / name).rglob("__init__.py")
        if "build" not in file.parts
    }
    assert set(packages) == found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name,checks",
    [
        ("bookc", [["bookc", "--version"], ["bookc", "build", "--book", "tiny"]]),
        (
            "d2l_shim",
            [["python", "-c", "import d2l_shim.plot, d2l_shim.images as i; i.emoji_images(32)"]],
        ),
    ],
)
def test_each_distribution_works_alone(name, checks, tmp_path):
    """Its wheel is installed in an empty environment, with what it asks for and nothing else."""
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / name, tmp_path / "source", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "books" / "tiny", tmp_path / "tiny")
    python = tmp_path / "env" / "bin" / "python"

    def run(*command: object) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    run(*pip, "wheel", "--no-deps", "-w", tmp_path, tmp_path / "source")
    (wheel,) = tmp_path.glob(f"{name}-*.whl")
    run(*pip, "--python", python, "install", "--no-compile", "--only-binary", ":all:", wheel)
    for check in checks:
        run(*check)
    other = {"bookc": "d2l_shim", "d2l_shim": "bookc"}[name]
    missing = f"from importlib.util import find_spec; print(find_spec('{other}'))"
    assert run(python, "-c", missing) == "None\n"


def test_the_template_of_new_books_is_packaged():
    patterns = read_toml("bookc")["tool"]["setuptools"]["package-data"]["bookc"]
    # As setuptools reads them: unlike Path.glob, `*` leaves out what begins with a dot.
    packaged = {
        ROOT / "bookc" / name
        for pattern in patterns
        for name in glob(pattern, root_dir=ROOT / "bookc", recursive=True)  # noqa: PTH207
    }
    template = {file for file in TEMPLATE.rglob("*") if file.is_file()}
    assert template <= packaged
    assert {file.name for file in template} >= {".gitignore", ".gitlab-ci.yml", "book.yml"}


def test_new_books_ask_for_the_compiler_by_its_name():
    lines = (TEMPLATE / "book" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    of_bookc = next(one for one in wanted if one.url)
    assert of_bookc.name == PROJECTS["bookc"]["name"] and not of_bookc.extras
    assert {one.name for one in wanted if not one.url} <= set(requirements())
