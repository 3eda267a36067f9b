"""What the packaging files say about versions, and which module imports which."""

import configparser
import re
from glob import glob
from pathlib import Path

import tomllib
from frameworks import ALL, FRAMEWORKS
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEMPLATE = ROOT / "bookc" / "author" / "template"
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def requirements() -> dict[str, list[Requirement]]:
    """What pyproject requires anywhere, by package."""
    found: dict[str, list[Requirement]] = {}
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]:
        requirement = Requirement(line)
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
    base = [Requirement(line) for line in PROJECT["dependencies"]]
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
            assert [one.specifier for one in required[requirement.name]] == [requirement.specifier]
    names = {re.split(r"[=<>]", entry)[0] for entry in conda()}
    wanted = {"jupyter", "jupytext", "torch", "tensorflow-cpu", "mxnet", "d2lbook", "matplotlib"}
    assert wanted <= names
    python = next(entry for entry in conda() if entry.startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python[7:])


def test_every_extra_that_is_named_exists():
    files = ("environment.yml", "Makefile", "config.ini", "README.md")
    named = {
        extra.strip()
        for file in files
        for found in re.finditer(r"\.\[([\w, ]+)\]", (ROOT / file).read_text(encoding="utf-8"))
        for extra in found[1].split(",")
    }
    assert named and named <= set(EXTRAS)
    ini = configparser.ConfigParser()
    ini.read(ROOT / "config.ini", encoding="utf-8")
    tabs = [tab.strip() for tab in ini["build"]["tabs"].split(",")]
    assert set(tabs) <= set(EXTRAS)


def test_every_distribution_folder_is_packaged():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = set(setuptools["setuptools"]["packages"])
    found = {
        file.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for name in ("bookc", "d2l_shim")
        for file in (ROOT / name).rglob("__init__.py")
    }
    assert packages == found


def test_the_template_of_new_books_is_packaged():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    patterns = setuptools["setuptools"]["package-data"]["bookc"]
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
    assert of_bookc.name == PROJECT["name"] and of_bookc.extras <= set(EXTRAS)
    assert {one.name for one in wanted if not one.url} <= set(requirements())
