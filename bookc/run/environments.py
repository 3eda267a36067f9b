"""A tab -> the Python environment that runs its notebooks, and what is installed there.

A tab's kernel may live in another virtual environment. It is asked once where it looks for modules;
what is installed is then read from its files.
"""

from __future__ import annotations

import dataclasses
import importlib.machinery
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from packaging.version import Version

from bookc.book import Build
from bookc.config import Config
from bookc.problems import Problem

NATIVE = "python3"  # the kernel of the environment that bookc itself is installed in
# Isolated: no module of the folder that it is asked in is imported.
ASK = [
    "-I",
    "-c",
    "import json, platform, sys; print(json.dumps([platform.python_version(), sys.path]))",
]


@dataclass(frozen=True, slots=True)
class Environment:
    """What a kernel runs in.

    Attributes:
        kernel: its name in Jupyter.
        python: the version of Python; "" if it is no Python kernel.
        path: where it looks for modules.
        fault: why it cannot be used; "" if it can.
    """

    kernel: str
    python: str
    path: tuple[str, ...]
    fault: str = ""

    def has(self, module: str) -> bool:
        """Whether a module can be imported there."""
        found = importlib.machinery.PathFinder.find_spec(module, list(self.path))
        return found is not None or module in providers(self.path)  # it may lie elsewhere

    def version(self, module: str) -> str:
        """The public version of what provides a module: `2.13.0`, whatever it was built for."""
        names = providers(self.path).get(module, ())
        return Version(self.distribution(names[0]).version).public if names else ""

    def distribution(self, name: str) -> metadata.Distribution:
        """What is installed under a name.

        Raises:
            PackageNotFoundError: nothing is.
        """
        for found in metadata.Distribution.discover(name=name, path=list(self.path)):
            return found
        raise metadata.PackageNotFoundError(name)


@cache
def providers(path: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The distributions that provide each top-level module found along a path."""
    found: dict[str, list[str]] = {}
    for one in metadata.distributions(path=list(path)):
        modules = set((one.read_text("top_level.txt") or "").split())
        if not modules:
            modules = {file.parts[0].removesuffix(".py") for file in one.files or ()}
        for module in modules:
            found.setdefault(module, []).append(one.metadata["Name"])
    return {module: tuple(dict.fromkeys(names)) for module, names in found.items()}


@cache
def environment(kernel: str) -> Environment:
    """The environment of a kernel, by its name in Jupyter."""
    manager = KernelSpecManager()
    if kernel == NATIVE:
        python = ".".join(str(number) for number in sys.version_info[:3])
        here = Environment(kernel, python, tuple(sys.path))
        if here.has("ipykernel"):
            return here
        return Environment(kernel, python, here.path, "no kernel here: pip install ipykernel")
    try:
        spec = manager.get_kernel_spec(kernel)
    except NoSuchKernel:
        known = ", ".join(sorted({NATIVE, *manager.find_kernel_specs()}))
        make = f"PYTHON -m ipykernel install --user --name {kernel}"
        fault = f"no kernel '{kernel}' (known: {known}); with the Python that it shall run: {make}"
        return Environment(kernel, "", (), fault)
    if spec.language != "python":
        return Environment(kernel, "", ())
    try:
        run = subprocess.run([spec.argv[0], *ASK], capture_output=True, timeout=60, check=True)
        python, path = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Environment(kernel, "", (), f"the Python of kernel '{kernel}' does not run: {error}")
    return Environment(kernel, python, tuple(path))


def environment_of(config: Config, tab: str) -> Environment:
    """The environment of a tab's kernel."""
    return environment(config.kernels.get(tab, NATIVE))


def missing_frameworks(config: Config, tabs: Iterable[str]) -> list[Problem]:
    """One problem for each tab that cannot run: its kernel or its framework is not there."""
    problems = []
    for tab in tabs:
        here = environment_of(config, tab)
        module, package = config.frameworks.get(tab, ("", ""))
        if here.fault:
            problems.append(Problem(config.file, 0, f"tab {tab}: {here.fault}"))
        elif module and not here.has(module):
            where = f" in the environment of kernel {here.kernel}" if here.kernel != NATIVE else ""
            message = f"tab {tab} needs {module}, which is not installed{where}"
            problems.append(Problem(config.file, 0, f"{message}: pip install '{package}'"))
    return problems


def imported_modules(config: Config, tab: str) -> list[str]:
    """The modules that a tab's notebooks import: its framework first, and the book's library."""
    module, _ = config.frameworks.get(tab, ("", ""))
    return [name for name in (module, config.library.name if config.library else "") if name]


def framework_version(config: Config, tab: str) -> dict[str, str]:
    """The public version of a tab's installed framework: `{"torch": "2.13.0"}`."""
    module, _ = config.frameworks.get(tab, ("", ""))
    version = environment_of(config, tab).version(module) if module else ""
    return {module: version} if version else {}


def without_missing(build: Build) -> Build:
    """The build with those notebooks only whose framework is installed."""
    here = {tab for tab in build.tabs if not missing_frameworks(build.config, [tab])}
    usable = {section: nb for section, nb in build.notebooks.items() if section[0] in here}
    return dataclasses.replace(build, notebooks=usable)
