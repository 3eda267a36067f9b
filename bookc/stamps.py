"""Notes in the output folder, from one run to the next: what was made, of which inputs.

They also say which files are bookc's, and no other is ever changed or removed. So the names of
files are noted before the files are written: a run that is cut short leaves none that is unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookc import disk
from bookc.problems import BookError, Problem

STAMPS = "stamps"  # the folder of the notes, in the output folder
HISTORY = "runs"  # a note that no stamp made: how notebooks ran


@dataclass(frozen=True, slots=True)
class Made:
    """What a run left behind.

    Attributes:
        outputs: the files that it wrote, relative to the output folder.
        value: to be used again.
    """

    outputs: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file that says of which inputs something was made.

    Names in it are relative to the output folder: a book may be moved.

    Attributes:
        file: where the stamp is kept.
        inputs: the digest of what it would be made of now.
        root: the book's folder.
    """

    file: Path
    inputs: str
    root: Path

    @property
    def _folder(self) -> Path:
        return self.file.parent.parent

    def made(self) -> Made | None:
        """What was made of these inputs, if all its files are as they were left."""
        known = _read(self.file)
        if known["inputs"] != self.inputs:
            return None
        try:  # thousands of files: without objects for their paths
            for name, state in known["outputs"].items():
                about = os.stat(os.path.join(self._folder, name))  # noqa: PTH116, PTH118
                if [about.st_size, about.st_mtime_ns] != state:
                    return None
        except OSError:
            return None
        return Made(tuple(known["outputs"]), known["value"])

    def files(self) -> set[Path]:
        """All files that this or earlier runs wrote for it, whatever the inputs were."""
        return set(_states(self.file))

    def begin(self, outputs: Iterable[Path]) -> None:
        """Note which files will be written. What was made before counts no longer."""
        self._write("", {}, dict.fromkeys(outputs) | _states(self.file), None)

    def write(self, outputs: Iterable[Path] = (), value: object = None) -> None:
        """Note what was made; the value must be one that JSON can hold."""
        states = {file: disk.state(file) for file in outputs}
        known = _states(self.file)
        earlier = {file: known[file] for file in known.keys() - states if os.path.lexists(file)}
        self._write(self.inputs, states, earlier, value)

    def _write(
        self, inputs: str, states: Mapping[Path, Any], earlier: Mapping[Path, Any], value: object
    ) -> None:
        about = {
            "book": _relative(self.root.resolve(), self._folder.resolve()),
            "inputs": inputs,
            "outputs": {_relative(file, self._folder): state for file, state in states.items()},
            "earlier": {_relative(file, self._folder): state for file, state in earlier.items()},
            "value": value,
        }
        disk.write_file(self.file, json.dumps(about, sort_keys=True))


def made_for(folder: Path, root: Path) -> bool:
    """Whether a folder is the output of the book in folder `root`."""
    book = _relative(root.resolve(), folder.resolve())
    return any(_read(file)["book"] == book for file in _stamps(folder))


def claim(stamp: Stamp, folder: Path, contents: Mapping[str, str | bytes | Path | None]) -> None:
    """See that files can be written below a folder without loss, and note that they will be.

    Args:
        stamp: notes them.
        folder: within the output folder, or where an author wants it.
        contents: by name, relative to the folder, what will be there: a text, or the file that
            it will be a copy of; None for what may overwrite any file.

    Raises:
        BookError: files that bookc did not write, and links where it would make folders.
    """
    known = {file for one in _stamps(stamp.file.parent.parent) for file in _states(one)}
    problems = []
    for parent in sorted({Path(name).parent for name in contents}):
        for below in (parent, *parent.parents):
            if (folder / below).is_symlink() and below.parts:
                problems.append(Problem(str(folder / below), 0, "is a link: remove it"))
            elif (folder / below).exists() and not (folder / below).is_dir():
                problems.append(Problem(str(folder / below), 0, "is a file, a folder goes there"))
    foreign = "bookc did not write it, and will not overwrite it: move it away"
    for name, content in contents.items():
        file = _plain(folder / name)
        if file not in known and os.path.lexists(file) and not _is_same(file, content):
            problems.append(Problem(str(folder / name), 0, foreign))
    if problems:
        raise BookError(dict.fromkeys(problems))
    stamp.begin(_plain(folder / name) for name in contents)


def check_empty(stamp: Stamp, folder: Path) -> None:
    """See that a folder that bookc alone shall fill is new, empty, or was filled by it before.

    Raises:
        BookError: it has other files.
    """
    if stamp.files() or not folder.is_dir():
        return
    found = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    if found:
        names = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        message = f"holds files that bookc did not write ({names}): remove the folder if it can be "
        message += "made again, or name another output_dir in config.ini"
        raise BookError([Problem(str(folder), 0, message)])


def remove_others(stamp: Stamp, folder: Path, names: Iterable[str]) -> None:
    """Remove what earlier runs wrote below a folder, but for these names."""
    kept = {_plain(folder / name) for name in names}
    for file in sorted(stamp.files() - kept):
        if _is_below(file, folder):
            file.unlink(missing_ok=True)
            remove_empty(file.parent, folder)


def remove_empty(place: Path, top: Path) -> None:
    """Remove a folder that has become empty, and those above it below `top`."""
    top = _plain(top)
    while place != top and top in place.parents:
        try:
            place.rmdir()
        except OSError:  # it is not empty, or not there
            return
        place = place.parent


def remove_all(folder: Path) -> tuple[int, int]:
    """Remove the files of the output folder that are as bookc left them, and its notes.

    Returns:
        How many files were removed, and how many stay in the folder.
    """
    removed = 0
    for stamp in _stamps(folder):
        for file, state in _states(stamp).items():
            if _is_below(file, folder) and file.is_file() and list(disk.state(file)) == state:
                file.unlink()
                removed += 1
        stamp.unlink()
    for note in [*(folder / STAMPS).glob("*.lock"), folder / STAMPS / HISTORY]:
        note.unlink(missing_ok=True)
    below = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
    for place in [*sorted(below, reverse=True), folder]:  # those within others first
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
    return removed, sum(path.is_file() for path in folder.rglob("*"))


def _is_below(file: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, by a way without links."""
    top = _plain(folder)
    between = [place for place in file.parents if top in place.parents]
    return top in file.parents and not any(place.is_symlink() for place in between)


def _is_same(file: Path, content: str | bytes | Path | None) -> bool:
    if content is None:
        return True
    if file.is_symlink() or not file.is_file():
        return False
    data = content.encode() if isinstance(content, str) else content
    return file.read_bytes() == (data.read_bytes() if isinstance(data, Path) else data)


def _stamps(folder: Path) -> list[Path]:
    return sorted((folder / STAMPS).glob("*.json"))


def _states(stamp: Path) -> dict[Path, Any]:
    """The files that a stamp names, each with its size and time when it was written, if known."""
    known = _read(stamp)
    states = {**known["earlier"], **known["outputs"]}
    return {_place(stamp.parent.parent, name): state for name, state in states.items()}


def _read(stamp: Path) -> dict[str, Any]:
    """What a stamp says; of a file that is none, nothing."""
    nothing: dict[str, Any] = {"book": "", "inputs": "", "outputs": {}, "earlier": {}, "value": 0}
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return nothing
    if not isinstance(known, dict) or known.keys() != nothing.keys():
        return nothing
    kinds = {key: type(one) for key, one in nothing.items() if key != "value"}
    return known if all(isinstance(known[key], kind) for key, kind in kinds.items()) else nothing


def _place(folder: Path, name: str) -> Path:
    return _plain(folder / name)


def _plain(path: Path) -> Path:
    """An absolute path without `..`; links stay as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow links)


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)
