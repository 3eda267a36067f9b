"""Inputs -> whether the output made from them is still right, so that it need not be made again.

A `Stamp` remembers from one run to the next: it is a file with a digest of the inputs, and the size
and time of each output. A `Memory` remembers function calls while a process runs.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bookc import files
from bookc.config import Config

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


@dataclass(frozen=True, slots=True)
class Made:
    """What a run left behind: the files that it wrote, and a value to be used again."""

    outputs: tuple[Path, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file that says of which inputs something was made.

    Attributes:
        file: where the stamp is kept.
        inputs: the digest of what it would be made of now.
    """

    file: Path
    inputs: str

    def made(self) -> Made | None:
        """What was made of these inputs, if all its files are as they were left."""
        try:
            known = json.loads(self.file.read_text(encoding="utf-8"))
            outputs = {Path(name): tuple(state) for name, state in known["outputs"].items()}
            if known["inputs"] == self.inputs and all(
                files.state(file) == state for file, state in outputs.items()
            ):
                return Made(tuple(outputs), known["value"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # there is no stamp, or it is not one of ours
        return None

    def write(self, outputs: Iterable[Path] = (), value: object = None) -> None:
        """Note what was made; the value must be one that JSON can hold."""
        about = {
            "inputs": self.inputs,
            "outputs": {str(file): files.state(file) for file in outputs},
            "value": value,
        }
        files.write_file(self.file, json.dumps(about))


def make_stamp(config: Config, name: str, *inputs: object) -> Stamp:
    """The stamp called `name` of something that is made of these inputs.

    Args:
        inputs: values that are told apart by their `repr`; files by their size and time.
    """
    named = [(str(one), files.state(one)) if isinstance(one, Path) else one for one in inputs]
    digest = hashlib.sha256(repr((sys.version, named)).encode("utf-8", "surrogateescape"))
    return Stamp(config.output_dir / "stamps" / f"{name}.json", digest.hexdigest())


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
    place = str(folder.resolve()).encode("utf-8", "surrogateescape")
    name = hashlib.sha256(place).hexdigest()[:16]
    return make_stamp(config, name, *inputs, *book_inputs(config))


def remove_outputs(config: Config) -> tuple[int, int]:
    """Remove each file of the output folder that a stamp knows of, as it was left, and the stamps.

    Returns:
        How many files were removed, and how many stay in the output folder.
    """
    place = config.output_dir
    removed = 0
    for stamp in sorted((place / "stamps").glob("*.json")):
        for file in _left_as_written(stamp):
            if file.resolve().is_relative_to(place.resolve()):
                file.unlink()
                removed += 1
        stamp.unlink()
    folders = [path for path in place.rglob("*") if path.is_dir()]
    for folder in [*sorted(folders, reverse=True), place]:  # those within others first
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return removed, sum(path.is_file() for path in place.rglob("*"))


def _left_as_written(stamp: Path) -> list[Path]:
    """The files that a stamp names and that have the size and time that it noted."""
    try:
        outputs = json.loads(stamp.read_text(encoding="utf-8"))["outputs"]
        states = {Path(name): tuple(state) for name, state in outputs.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # not a stamp of ours
    return [one for one, state in states.items() if one.is_file() and files.state(one) == state]
