"""Is what a command wrote still what it would write? Then it has nothing to do.

A stamp holds a digest of all that a command reads, bookc's own code among it, and the size and
time of each file that it wrote.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from bookc import files
from bookc.config import Config
from bookc.problems import Problem

CODE = (".py", ".css", ".js", ".html", ".svg", ".woff2")  # of bookc itself


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of an output folder.

    Attributes:
        file: where the stamp is kept.
        inputs: the digest of what would be read now.
    """

    file: Path
    inputs: str

    def outputs(self) -> Mapping[str, list[int]]:
        """The files written from these inputs, if they are all as they were left; else empty."""
        try:
            known = json.loads(self.file.read_text(encoding="utf-8"))
            written: dict[str, list[int]] = (
                known["outputs"] if known["inputs"] == self.inputs else {}
            )
            if all(files.state(Path(name)) == tuple(state) for name, state in written.items()):
                return written
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # no stamp, or not one of ours: compile
        return {}

    def notes(self) -> list[str]:
        """The lines that were written with the outputs."""
        notes: list[str] = json.loads(self.file.read_text(encoding="utf-8"))["notes"]
        return notes

    def warnings(self) -> list[Problem]:
        """What was odd in the inputs."""
        about = json.loads(self.file.read_text(encoding="utf-8"))
        return [Problem(*values) for values in about["warnings"]]

    def write(
        self, written: Iterable[Path], warnings: Iterable[Problem], notes: Iterable[str] = ()
    ) -> None:
        about = {
            "inputs": self.inputs,
            "outputs": {str(file): files.state(file) for file in written},
            "warnings": [astuple(problem) for problem in warnings],
            "notes": list(notes),
        }
        files.write_file(self.file, json.dumps(about))


def make_stamp(config: Config, folder: Path, *arguments: object) -> Stamp:
    """The stamp of a folder that a command with these arguments writes.

    Args:
        arguments: what else decides on the output; files among them by size and time.
    """
    named = [(str(one), files.state(one)) if isinstance(one, Path) else one for one in arguments]
    digest = hashlib.sha256(repr((sys.version, named)).encode())
    code = [file for file in sorted(Path(__file__).parent.rglob("*")) if file.suffix in CODE]
    library = sorted(config.library.rglob("*.py")) if config.library else []
    bibliography = [place / config.bibliography for place in (config.source_dir, config.root)]
    sources = files.source_files(config)
    for file in [*code, config.root / config.file, *library, *bibliography, *sources.values()]:
        if file.is_file():
            content = file.read_bytes()
            digest.update(f"{file} {len(content)}\n".encode("utf-8", "surrogateescape"))
            digest.update(content)
    for file in files.resource_files(config):  # pictures are many and large
        digest.update(f"{file} {files.state(file)}\n".encode("utf-8", "surrogateescape"))
    place = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return Stamp(config.output_dir / "stamps" / f"{place[:16]}.json", digest.hexdigest())


def says(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == text
