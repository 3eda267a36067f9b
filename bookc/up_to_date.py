"""Inputs -> whether the output made from them is still right, so that it need not be made again.

A `Stamp` (stamps.py) remembers from one run to the next, a `Memory` while a process runs.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from bookc import disk, files
from bookc.config import Config
from bookc.stamps import STAMPS, Stamp

CODE = (".py", ".css", ".js", ".html", ".svg", ".woff2")  # of bookc itself
T = TypeVar("T")


class Memory:
    """What functions returned before for equal arguments."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def call(self, make: Callable[..., T], *arguments: Hashable) -> T:
        """What `make` returns for these arguments; it is called for them only once."""
        key = (make, *arguments)
        if key not in self._made:
            self._made[key] = make(*arguments)
        return self._made[key]  # type: ignore[no-any-return]


def make_stamp(config: Config, name: str, *inputs: object) -> Stamp:
    """The stamp called `name` of something that is made of these inputs.

    Args:
        inputs: values that are told apart by their `repr`; files by their size and time.
    """
    named = [(str(one), disk.state(one)) if isinstance(one, Path) else one for one in inputs]
    digest = hashlib.sha256(repr((sys.version, named)).encode("utf-8", "surrogateescape"))
    return Stamp(config.output_dir / STAMPS / f"{name}.json", digest.hexdigest(), config.root)


def book_inputs(config: Config) -> Iterator[str | Path]:
    """All that a book is read from, bookc's own code among it, as inputs of a stamp."""
    code = [file for file in sorted(Path(__file__).parent.rglob("*")) if file.suffix in CODE]
    library = sorted(config.library.rglob("*.py")) if config.library else []
    bibliography = [place / config.bibliography for place in (config.source_dir, config.root)]
    sources = files.source_files(config).values()
    for file in [*code, config.root / config.file, *library, *bibliography, *sources]:
        if file.is_file():  # texts by their content: an editor that saves again changes nothing
            yield f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}"
    yield from files.resource_files(config)  # pictures are many and large: by size and time


def folder_stamp(config: Config, folder: Path, *inputs: object) -> Stamp:
    """The stamp of a folder that a command writes from the whole book and from these inputs."""
    return make_stamp(config, _name(config, folder), *inputs, *book_inputs(config))


def folder_list(config: Config, folder: Path) -> Stamp:
    """The same stamp for those who only ask which files are bookc's, and note new ones."""
    return make_stamp(config, _name(config, folder), "unfinished")


def _name(config: Config, folder: Path) -> str:
    """The name of a folder's stamp: it holds when the book is moved with its output."""
    place = os.path.relpath(folder, config.output_dir).encode("utf-8", "surrogateescape")
    return hashlib.sha256(place).hexdigest()[:16]
