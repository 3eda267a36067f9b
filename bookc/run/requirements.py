"""Imported modules -> pip's requirements: all installed packages that they need, pinned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bookc.run.environments import Environment, providers

RUNNER = "jupyterlab", "ipykernel"  # what runs a notebook, whatever it imports

LOCK = "requirements.txt"  # beside the notebooks


def pinned(modules: Iterable[str], here: Environment) -> str:
    """pip's requirements for some modules and all that they need, one `name==version` a line.

    A distribution that is installed from a folder, as the book's own library is, is left out and
    what it needs is kept. Modules that are not installed are left out.
    """
    by_module = providers(here.path)
    wanted = [name for module in modules for name in by_module.get(module, ())] + [*RUNNER]
    pins: dict[str, str] = {}
    local: set[str] = set()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in pins or name in local:
            continue
        try:
            found = here.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # needed on other systems only
        if "dir_info" in json.loads(found.read_text("direct_url.json") or "{}"):
            local.add(name)
        else:
            pins[name] = Version(found.version).public  # of 2.13.0+cpu, what every machine finds
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                wanted.append(needed.name)
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
