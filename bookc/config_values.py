"""The texts of config.ini -> values: one function for each kind of value, which also checks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path, PurePosixPath
from typing import Any

from bookc.inside import belongs, is_file_of, is_picture
from bookc.problems import Problem
from bookc.stamps import STAMPS, made_for

FILE = "config.ini"


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of one key, with what is needed to read and to check it.

    Attributes:
        name: the key's.
        text: what stands there, or the key's default.
        root: the book's folder.
        known: the values of the keys that were read before this one, by their fields' names.
        line: the key's line, from 1; 0 if the file does not have it.
        problems: what is wrong with the file so far; grows.
    """

    name: str
    text: str
    root: Path
    known: Mapping[str, Any]
    line: int
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, message: str) -> None:
        """Note an error: the book cannot be compiled."""
        self.problems.append(Problem(FILE, self.line, message))

    def odd(self, message: str) -> None:
        """Note a warning: the book can be compiled all the same."""
        self.problems.append(Problem(FILE, self.line, message, warning=True))


def text(entry: Entry) -> str:
    return entry.text


def project_name(entry: Entry) -> str:
    """What the archives' names begin with."""
    if not re.fullmatch(r"\w[\w .+-]*", entry.text):
        want = "archives are called so: want letters, digits, blanks, and _ - + ."
        entry.wrong(f"{entry.name} = {entry.text!r}: {want}")
    return entry.text


def language(entry: Entry) -> str:
    """A code such as `en` or `pt-BR`; files of the search index are called so."""
    if not re.fullmatch(r"[A-Za-z]{1,8}([_-][A-Za-z0-9]{1,8})*", entry.text):
        entry.wrong(f"{entry.name} = {entry.text}: want a code such as en or pt-BR")
    return entry.text


def words(entry: Entry) -> tuple[str, ...]:
    return tuple(entry.text.split())


def switch(entry: Entry) -> bool:
    states = ConfigParser.BOOLEAN_STATES
    if entry.text.lower() not in states:
        entry.wrong(f"{entry.name} = {entry.text}: want true or false")
    return states.get(entry.text.lower(), False)


def seconds(entry: Entry) -> int:
    return _whole(entry, "seconds")


def megabytes(entry: Entry) -> int:
    return _whole(entry, "megabytes")


def letters(entry: Entry) -> int:
    return _whole(entry, "letters")


def pattern(entry: Entry) -> re.Pattern[str]:
    try:
        return re.compile(entry.text)
    except re.error as error:
        entry.wrong(f"{entry.name} = {entry.text}: no regular expression: {error}")
        return re.compile("")


def kernel(entry: Entry) -> str:
    """What Jupyter calls a kernel: a folder has this name."""
    if not re.fullmatch(r"[\w.-]+", entry.text, re.ASCII):
        entry.wrong(f"{entry.name} = {entry.text}: want a kernel's name: letters, digits, . _ -")
    return entry.text


def _whole(entry: Entry, unit: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", entry.text):
        entry.wrong(f"{entry.name} = {entry.text}: want a whole number of {unit}")
        return 1
    return int(entry.text)


def address(entry: Entry) -> str:
    """An address in the web, without "/" at its end; or ""."""
    if entry.text and not re.fullmatch(r"https?://[\w.~:%@!$&()*+,;=\[\]/-]+", entry.text):
        example = "want an address such as https://example.org/book"
        entry.wrong(f"{entry.name} = {entry.text}: {example}")
    return entry.text


def site_address(entry: Entry) -> str:
    return address(entry).rstrip("/")


def tab_names(entry: Entry) -> tuple[str, ...]:
    tabs = tuple(tab.strip().lower() for tab in entry.text.split(",") if tab.strip())
    for tab in tabs:
        if not re.fullmatch(r"[\w-]+", tab):
            entry.wrong(f"{tab!r} is no tab: want letters, digits, _ and -")
    return tabs


def wildcards(entry: Entry) -> tuple[str, ...]:
    found = entry.text.split()
    for pattern in found:
        if not _is_inside(PurePosixPath(pattern)):
            entry.wrong(f"'{pattern}' names nothing in the book's folder")
    # `**` that is only part of a name is `*`, as in Python's glob, which d2lbook asks.
    return tuple(re.sub(r"(?<=[^/*])\*\*+|\*\*+(?=[^/*])", "*", one) for one in found)


def section_path(entry: Entry) -> str:
    """A Markdown file, with its ending or without, as the path of a section."""
    path = PurePosixPath(re.sub(r"\.(md|rst)$", "", entry.text))
    if not _is_inside(path):
        entry.wrong(f"{entry.name} = {path}: want a Markdown file in the book's folder")
    return str(path)


def picture(entry: Entry) -> str:
    """A picture file of the book, or ""; a book without the file gets along without it."""
    if not entry.text:
        return ""
    file = entry.known["source_dir"] / entry.text
    if not _is_inside(PurePosixPath(entry.text)) or (file.exists() and not _is_own(entry, file)):
        entry.wrong(f"{entry.name} = {entry.text}: want a file in the book's folder, none hidden")
    elif file.exists() and not is_picture(file):
        entry.wrong(f"{entry.name} = {entry.text}: want a picture")
    return PurePosixPath(entry.text).as_posix() if file.is_file() else ""


def title(entry: Entry) -> str:
    return entry.text or entry.root.resolve().name


def source_folder(entry: Entry) -> Path:
    folder = entry.root / entry.text
    if not folder.is_dir():
        entry.wrong(f"no such folder: {folder}")
    elif not _is_own(entry, folder):
        entry.wrong(f"{entry.name} = {entry.text}: want a folder within the book's")
    return folder


def output_folder(entry: Entry) -> Path:
    """Where bookc writes: a folder that is new, empty, the book's own, or bookc's from before."""
    folder = entry.root / entry.text
    if entry.known["source_dir"].resolve().is_relative_to(folder.resolve()):
        entry.wrong(f"{folder} holds the book itself: want another folder")
    elif folder.exists() and not folder.is_dir():
        entry.wrong(f"{folder} is a file: want a folder")
    elif _is_foreign(folder, entry.root):
        entry.wrong(f"{folder} holds what is not this book's: want a new folder, or an empty one")
    for place in (STAMPS, "html", "notebooks", "quick"):
        if (folder / place).is_symlink():
            entry.wrong(f"{folder / place} is a link: remove it, bookc makes a folder there")
    return folder


def _is_foreign(folder: Path, root: Path) -> bool:
    """Whether a folder outside of the book has files, and no earlier run of this book made it."""
    if folder.resolve().is_relative_to(root.resolve()) or not folder.is_dir():
        return False
    return any(folder.iterdir()) and not made_for(folder, root)


def record_folder(entry: Entry) -> Path:
    folder = entry.root / entry.text
    compiled = entry.known["output_dir"] / "notebooks"
    if entry.line and folder.resolve() == compiled.resolve():
        entry.wrong(f"{folder} is where notebooks are compiled to")
    elif not _is_own(entry, folder):
        entry.wrong(f"{entry.name} = {entry.text}: want a folder within the book's")
    return folder


def folder(entry: Entry) -> Path | None:
    if not entry.text:
        return None
    if not _is_own(entry, entry.root / entry.text):
        entry.wrong(f"{entry.name} = {entry.text}: want a folder within the book's")
    return entry.root / entry.text


def bibliography_file(entry: Entry) -> str:
    """A file in `source_dir` or in the book's folder."""
    places = (entry.known["source_dir"] / entry.text, entry.root / entry.text)
    found = [place for place in places if entry.text and place.exists()]
    if found and not is_file_of(found[0], entry.root):
        entry.wrong(f"{entry.name} = {entry.text}: want a file in the book's folder, none hidden")
    return entry.text


def module_file(entry: Entry) -> Path | None:
    """The file of a module that `bookc build lib` writes; nothing else is lost without it."""
    file = entry.root / entry.text if entry.text else None
    if file is not None and file.is_dir():
        entry.odd(f"{file} is a folder: want a Python file")
    elif file is not None and not (_is_own(entry, file) and file.resolve().suffix == ".py"):
        want = "want a Python file in the book's folder, none hidden"
        entry.wrong(f"{entry.name} = {entry.text}: {want}")
    return file


def module_name(entry: Entry) -> str:
    """The full name of a module, or ""."""
    parts = entry.text.split(".") if entry.text else []
    if not all(part.isidentifier() and not iskeyword(part) for part in parts):
        entry.wrong(f"{entry.name} = {entry.text}: want a module's full name, such as package.name")
    return entry.text


def version_file(entry: Entry) -> Path | None:
    file = entry.root / entry.text if entry.text else None
    if file is not None and not _is_own(entry, file):
        want = "want a file in the book's folder, none hidden"
        entry.wrong(f"{entry.name} = {entry.text}: {want}")
    elif file is not None and entry.known["release"] and not file.is_file():
        entry.odd(f"no such file: {file}")
    return file


def frameworks(entry: Entry) -> dict[str, tuple[str, str]]:
    """Lines of `tab, module, what pip installs`: module and package by tab."""
    found = {}
    for row in entry.text.splitlines():
        parts = [part.strip() for part in row.split(",", 2)]
        if len(parts) != 3 or parts[0] not in entry.known["tabs"]:
            entry.wrong(f"'{row.strip()}': want 'tab, module, what pip installs'")
        else:
            found[parts[0]] = (parts[1], parts[2])
    return found


def repositories(entry: Entry) -> dict[str, str]:
    """`owner/name` for all tabs, or lines of `tab, owner/name`: repositories by tab."""
    found: dict[str, str] = {}
    for line in entry.text.splitlines():
        tab, comma, repository = (part.strip() for part in line.rpartition(","))
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            entry.wrong(f"'{line.strip()}': want owner/name, or lines of 'tab, owner/name'")
            break
        found |= dict.fromkeys([tab] if comma else entry.known["tabs"], repository)
    return found


def simple_alias(entry: Entry) -> dict[str, str]:
    # `exp(` was d2lbook's way of keeping `exp` off `expand_dims`; whole names need none.
    pairs = _pairs(entry.text.replace(",", "\n"))
    found = {name.rstrip("("): target.rstrip("(") for name, target in pairs}
    return _checked_names(entry, found) if entry.known["library"] else {}


def fluent_alias(entry: Entry) -> dict[str, str]:
    return _checked_names(entry, dict(_pairs(entry.text.replace(",", "\n"))))


def _checked_names(entry: Entry, pairs: dict[str, str]) -> dict[str, str]:
    for name, target in pairs.items():
        if not name.isidentifier() or not _is_python(f"{name} = x.{target}"):
            entry.wrong(f"'{name} -> {target}': want 'name' or 'name -> other'")
    return pairs


def args_alias(entry: Entry) -> dict[str, tuple[str, str]]:
    found = {}
    for pattern, template in _pairs(entry.text):
        # Notebooks need a call, and the library's module a function of that name.
        if not (_is_call(pattern) and _is_call(template)) or not _is_python(
            f"def {pattern}:\n    return {template}"
        ):
            want = "want 'name(a, k=None) -> other(a, k=k)'"
            entry.wrong(f"'{pattern} -> {template}': {want}")
        found[pattern.partition("(")[0].strip()] = (pattern, template)
    return found


def reverse_alias(entry: Entry) -> tuple[tuple[re.Pattern[str], str], ...]:
    found = []
    for pattern, replacement in _pairs(entry.text):
        try:
            compiled = re.compile(pattern)
            compiled.sub(replacement, "")  # tells whether the pattern has the groups it names
        except (re.error, IndexError) as error:
            what = f"'{pattern} -> {replacement}' is no pattern and what becomes of it"
            entry.wrong(f"{what}: {error}")
            continue
        found.append((compiled, replacement))
    return tuple(found)


def python(entry: Entry) -> str:
    if not _is_python(entry.text):
        entry.wrong("not Python (lines lose their indentation in config.ini)")
    return entry.text


def _is_inside(path: PurePosixPath) -> bool:
    """Whether a path leads to something within the folder that it starts from."""
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _is_own(entry: Entry, path: Path) -> bool:
    return belongs(path, entry.root)


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _is_call(source: str) -> bool:
    try:
        return isinstance(ast.parse(source, mode="eval").body, ast.Call)
    except (SyntaxError, ValueError):
        return False


def _pairs(lines: str) -> Iterator[tuple[str, str]]:
    """Each line's `name -> target`; a name alone keeps itself."""
    for line in lines.splitlines():
        name, _, target = (part.strip() for part in line.partition("->"))
        if name:
            yield name, target or name
