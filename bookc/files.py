"""The files of a book: which there are, and how they are called in messages."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from bookc.config import Config
from bookc.disk import copy_file, link_file
from bookc.inside import belongs, is_file_of, is_picture
from bookc.problems import BookError, Problem


def source_files(config: Config) -> dict[str, Path]:
    """Markdown files by section path; the output folder and hidden folders are no sources.

    Raises:
        BookError: links that lead out of the book's folder, names that are not UTF-8.
    """
    excluded = {file for pattern in config.exclusions for file in config.source_dir.glob(pattern)}
    files = {}
    for pattern in (*config.notebooks, *config.non_notebooks):
        for file in sorted(config.source_dir.glob(pattern)):
            if file not in excluded and _is_source(file, config):
                files[file.relative_to(config.source_dir).with_suffix("").as_posix()] = file
    _check(files.values(), config)
    return files


def resource_files(config: Config) -> list[Path]:
    """The files that config.ini names as resources, which pages and notebooks may show.

    Raises:
        BookError: links that lead out of the book's folder, names that are not UTF-8.
    """
    found: dict[Path, None] = {}
    for pattern in config.resources:
        for path in sorted(config.source_dir.glob(pattern.rstrip("/"))):
            inside = path.rglob("*") if path.is_dir() else [path]
            found.update((file, None) for file in inside if _is_source(file, config))
    _check(found, config)
    return list(found)


def _is_source(file: Path, config: Config) -> bool:
    """Whether it is a file that is neither hidden nor written by bookc."""
    inside = file.relative_to(config.source_dir)
    hidden = any(part.startswith((".", "_build")) for part in inside.parts)
    return not hidden and config.output_dir not in file.parents and file.is_file()


def is_notebook(config: Config, path: str) -> bool:
    """Whether a section has notebooks, and is not just a page."""
    file = config.source_dir / f"{path}.md"
    return not any(file in config.source_dir.glob(pattern) for pattern in config.non_notebooks)


def is_shown(config: Config, path: str) -> bool:
    """Whether pages may show the file at a path relative to the source folder: a picture."""
    file = config.source_dir / path
    return ".." not in PurePosixPath(path).parts and is_picture(file) and is_own(config, file)


def is_own(config: Config, file: Path) -> bool:
    """Whether a path is a file of the book that is not hidden, links followed."""
    return is_file_of(file, config.root)


def _check(found: Iterable[Path], config: Config) -> None:
    problems = []
    for file in found:
        if not belongs(file, config.root):
            message = "a link out of the book, or to a hidden file: put the file itself here"
            problems.append(Problem(shown(file, config), 0, message))
        if str(file) != str(file).encode("utf-8", "replace").decode():
            message = "the file's name is not UTF-8: rename it"
            problems.append(Problem(shown(file, config), 0, message))
    if problems:
        raise BookError(problems)


def shown(file: Path, config: Config) -> str:
    """A file's name in messages: relative to the book's folder."""
    return Path(os.path.relpath(file, config.root)).as_posix()


def resource_copies(config: Config, tabs: Iterable[str]) -> dict[str, Path]:
    """The resources by the names that their copies beside the notebooks of some tabs have."""
    found = resource_files(config)
    names = [(file.relative_to(config.source_dir).as_posix(), file) for file in found]
    return {f"{tab}/{name}": file for tab in tabs for name, file in names}


def copy_resources(config: Config, folders: Collection[Path]) -> list[Path]:
    """Copy the book's `resources` to the same places below each of the folders.

    Pictures are looked at and seldom written: all the folders share one copy, by hard links.

    Returns:
        The copies.
    """
    copies = []
    for file in resource_files(config):
        targets = [folder / file.relative_to(config.source_dir) for folder in folders]
        for target in targets:
            shared = is_picture(file) and target is not targets[0]
            if not shared or not link_file(targets[0], target):
                copy_file(file, target)
        copies += targets
    return copies


def site_folder(config: Config) -> Path:
    return config.output_dir / "html"
