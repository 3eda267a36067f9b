"""What a book may read and write: its own files, and of the output what bookc put there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import MakeBook

from bookc.__main__ import main

BOOK = """\
[project]
title = B
{project}
[build]
tabs = python
{build}
[html]
{html}
[pdf]
{pdf}
[library-python]
{library}
[bookc]
{bookc}
"""
INDEX = "# Book\n\nText.\n\n```{.python .input}\n1\n```\n"
Tree = dict[str, bytes | str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with somebody's files, among them the book's folder."""
    secrets = {
        "secret.txt": "SECRET", "secret.png": "SECRET", "secret.ipynb": "SECRET",
        ".ssh/id": "SECRET", "www/html/index.php": "theirs", "www/keep.txt": "theirs",
        "lib/mod.py": "SECRET = 1", "other/_build/html/index.html": "theirs",
    }  # fmt: skip
    for name, text in secrets.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def make(root: Path, **sections: str) -> Path:
    """A book with lines of config.ini by section, and with a hidden file that holds a secret."""
    keys = dict.fromkeys(("project", "build", "html", "pdf", "library", "bookc"), "")
    files = {
        "config.ini": BOOK.format(**{**keys, **sections}),
        "index.md": INDEX,
        ".git/config": "SECRET",
        ".env.png": "SECRET",
        "img/dot.png": "dot",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def tree(folder: Path, without: Path) -> Tree:
    """Every file and link below a folder, but for one folder in it."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        if without not in path.parents:
            if path.is_symlink():
                found[str(path)] = str(path.readlink())
            elif path.is_file():
                found[str(path)] = path.read_bytes()
    return found


def links(root: Path, **places: str) -> None:
    for name, target in places.items():
        place = root / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)


# name: keys of config.ini, more files (by path), links (by path)
READS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "a picture that is none": ({}, {"part/x.md": "# X\n\n![x](../.git/config)\n"}, {}),
    "a hidden picture": ({}, {"part/x.md": "# X\n\n![x](../.env.png)\n"}, {}),
    "a picture above": ({}, {"part/x.md": "# X\n\n![x](../../secret.png)\n"}, {}),
    "an encoded picture above": ({}, {"part/x.md": "![x](%2e%2e/%2e%2e/secret.png)\n"}, {}),
    "an absolute picture": ({}, {"part/x.md": "# X\n\n![x](/etc/hostname.png)\n"}, {}),
    "a picture by a link": ({}, {"x.md": "![x](img/l.png)\n"}, {"img/l.png": "../.git/config"}),
    "a chapter by a link": ({}, {}, {"x.md": "../secret.txt"}),
    "a hidden chapter by a link": ({}, {}, {"x.md": ".git/config"}),
    "a folder of chapters by a link": ({}, {}, {"part": "../lib"}),
    "all as resources": ({"build": "resources = . * ** .git .env.png"}, {}, {}),
    "resources by a link": ({"build": "resources = img"}, {}, {"img/l.txt": "../../secret.txt"}),
    "hidden resources by a link": ({"build": "resources = img"}, {}, {"img/l": "../.git/config"}),
    "a folder of resources by a link": ({"build": "resources = more"}, {}, {"more": "../.ssh"}),
    "resources above": ({"build": "resources = ../secret.txt"}, {}, {}),
    "a favicon above": ({"html": "favicon = ../secret.png"}, {}, {}),
    "a favicon by a link": ({"html": "favicon = i.png"}, {}, {"i.png": "../secret.png"}),
    "a favicon that is none": ({"html": "favicon = .git/config"}, {}, {}),
    "a logo by a link": ({"html": "html_logo = img/i.svg"}, {}, {"img/i.svg": "../.git/config"}),
    "a library above": ({"bookc": "library = ../lib"}, {}, {}),
    "a library by a link": ({"bookc": "library = lib"}, {}, {"lib": "../lib"}),
    "a file of the library by a link": (
        {"bookc": "library = lib"}, {"lib/a.py": ""}, {"lib/x.py": "../../lib/mod.py"},
    ),
    "a hidden library": ({"bookc": "library = .git"}, {}, {}),
    "records above": ({"bookc": "record_dir = ../"}, {}, {}),
    "records by a link": ({"bookc": "record_dir = rec"}, {}, {"rec": "../"}),
    "a record by a link": ({}, {}, {"notebooks/python/index.ipynb": "../../../secret.ipynb"}),
    "requirements by a link": (
        {}, {}, {"notebooks/python/requirements.txt": "../../../secret.txt"},
    ),
    "a bibliography above": ({"pdf": "bibfile = ../secret.txt"}, {}, {}),
    "a bibliography by a link": ({"pdf": "bibfile = refs.bib"}, {}, {"refs.bib": "../secret.txt"}),
    "sources above": ({"build": "source_dir = .."}, {"../index.md": "# SECRET"}, {}),
    "a version file above": (
        {"library": "lib_file = lib.py", "project": "release = 1"}, {}, {"lib.py": "../lib/mod.py"},
    ),
}  # fmt: skip
VERBS = (["lint"], ["build"], ["build", "lib"])


@pytest.mark.parametrize("name", READS)
def test_nothing_outside_or_hidden_is_read_into_the_output(home: Path, name: str) -> None:
    keys, more, linked = READS[name]
    root = make(home / "book", **keys)
    for path, text in more.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, target in linked.items():
        links(root, **{path: target})
    before = tree(home, root / "_build")
    for verb in VERBS:
        assert main([*verb, "--book", str(root)]) in (0, 1)
    assert tree(home, root / "_build") == before
    for file in (root / "_build").rglob("*"):
        assert not (file.is_file() and b"SECRET" in unpacked(file)), file


def unpacked(file: Path) -> bytes:
    """What a file holds; of an archive what its members do."""
    if file.suffix != ".zip":
        return file.read_bytes()
    shutil.unpack_archive(file, file.with_suffix(""))
    return b"".join(one.read_bytes() for one in file.with_suffix("").rglob("*") if one.is_file())


WRITES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "archives above": ({"project": "name = ../../../x"}, {}),
    "an absolute archive": ({"project": "name = /tmp/x"}, {}),
    "a hidden archive": ({"project": "name = .x"}, {}),
    "output among somebody's files": ({"build": "output_dir = ../www"}, {}),
    "output in the folder above": ({"build": "output_dir = .."}, {}),
    "output of another book": ({"build": "output_dir = ../other/_build"}, {}),
    "output by a link": ({}, {"_build": "../www"}),
    "output by a link to another book": ({}, {"_build": "../other/_build"}),
    "the site by a link": ({}, {"_build/html": "../../www/html"}),
    "notes by a link": ({}, {"_build/stamps": "../../www"}),
    "notebooks by a link": ({}, {"_build/notebooks": "../../www"}),
    "a folder of notebooks by a link": ({}, {"_build/notebooks/python": "../../../www"}),
    "a page by a link": ({}, {"_build/html/index.html": "../../../secret.txt"}),
    "a picture by a link": (
        {"build": "resources = img"},
        {"_build/notebooks/python/img/dot.png": "../../../../../secret.png"},
    ),
    "a library above": ({"library": "lib_file = ../lib/mod.py"}, {}),
    "a library by a link": ({"library": "lib_file = lib.py"}, {"lib.py": "../lib/mod.py"}),
    "a library that is a hook": ({"library": "lib_file = .git/hooks/pre-commit"}, {}),
    "a library that is a chapter": ({"library": "lib_file = index.md"}, {}),
    "a library that is somebody's code": ({"library": "lib_file = setup.py"}, {}),
    "a version in a file above": (
        {"project": "release = 1", "library": "[library]\nversion_file = ../lib/mod.py"},
        {},
    ),
    "tabs above": ({"build": "tabs = ../../x"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_written_or_removed_elsewhere(home: Path, name: str) -> None:
    keys, linked = WRITES[name]
    root = make(home / "book", **keys)
    (root / "setup.py").write_text("theirs = 1")
    (home / "lib" / "mod.py").write_text("__version__ = 'theirs'\n")
    for path, target in linked.items():
        links(root, **{path: target})
    before = tree(home, root / "_build")
    for verb in (*VERBS, ["clean"]):
        assert main([*verb, "--book", str(root)]) in (0, 1)
    after = tree(home, root / "_build")
    assert {file: after.get(file) for file in before} == before
    assert {Path(file).relative_to(home).parts[0] for file in after} <= {
        "secret.txt", "secret.png", "secret.ipynb", ".ssh", "www", "lib", "other", "book"
    }  # fmt: skip
    assert not set(after) - set(before) - {str(root / "a.py"), str(root / "lib.py")}


def test_the_output_holds_what_others_put_there(
    home: Path, files_below: Callable[[Path], dict[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    root = make(home / "book")
    (root / "old.md").write_text("# Old\n")
    assert main(["build", "--book", str(root)]) == 0
    mine = {"html/CNAME": b"example.org", "html/old/note.txt": b"mine", "x.txt": b"mine"}
    for name, text in mine.items():
        (root / "_build" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "_build" / name).write_bytes(text)
    (root / "old.md").unlink()
    assert main(["build", "--book", str(root)]) == 0
    now = files_below(root / "_build")
    assert "html/old.html" not in now and mine.items() <= now.items()
    shutil.move(root, home / "moved")  # the notes hold where the book is now
    (home / "moved" / "index.md").write_text(INDEX + "\nMore.\n")
    capsys.readouterr()
    assert main(["build", "--book", str(home / "moved")]) == 0
    assert main(["clean", "--book", str(home / "moved")]) == 0
    assert files_below(home / "moved" / "_build") == mine


def test_a_site_of_somebody_else_is_not_filled(
    make_book: MakeBook, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_book({"index.md": "# Book", "_build/html/index.php": "theirs"})
    assert main(["build", "html", "--book", str(root)]) == 1
    assert "holds files that bookc did not write (index.php)" in capsys.readouterr().err
    assert [file.name for file in (root / "_build" / "html").iterdir()] == ["index.php"]


def test_notebooks_go_beside_somebodys_files_and_over_none(
    make_book: MakeBook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_book({"index.md": INDEX})
    out = tmp_path / "out"
    theirs = out / "pytorch" / "index.ipynb"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    command = ["build", "notebooks", "--book", str(root), "--out", str(out)]
    assert main(command) == 1
    assert f"{theirs}: bookc did not write it" in capsys.readouterr().err
    assert theirs.read_text() == "theirs" and not (out / "mxnet").exists()
    assert main([*command, "--force"]) == 0
    shutil.rmtree(root / "_build")  # another checkout knows its own notebooks
    (root / "index.md").write_text(INDEX + "\nMore.\n")
    assert main(command) == 0


def test_resources_take_no_place_of_a_page(
    make_book: MakeBook, capsys: pytest.CaptureFixture[str]
) -> None:
    config = "[project]\ntitle = B\n[build]\ntabs = python\nresources = more\n"
    files = {"config.ini": config, "index.md": "# B", "more/a.md": "# A", "more/a.html": "mine"}
    root = make_book(files)
    assert main(["build", "html", "--book", str(root)]) == 1
    assert "more/a.html: has the name of a file of the site" in capsys.readouterr().err


def test_a_run_that_was_cut_short_is_taken_up(
    make_book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_book({"index.md": "# Book", "a.md": "# A", "b.md": "# B"})
    real, left = os.replace, [4]

    def stops(*arguments: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(Path, "replace", lambda self, target: stops(str(self), str(target)))
    assert main(["build", "html", "--book", str(root)]) == 130
    monkeypatch.undo()
    (root / "index.md").write_text("# Other\n")  # so that what was written differs
    (root / "a.md").unlink()
    assert main(["build", "html", "--book", str(root)]) == 0
    assert not (root / "_build" / "html" / "a.html").exists()


def test_a_chapter_may_be_called_as_the_index_is(make_book: MakeBook) -> None:
    index = "# Book\n\nWord.\n\n```toc\npagefind/x\n_static/y\n```\n"
    root = make_book({"index.md": index, "pagefind/x.md": "# X", "_static/y.md": "# Y"})
    for _ in range(2):
        assert main(["build", "html", "--book", str(root)]) == 0
        site = root / "_build" / "html"
        assert (site / "pagefind" / "x.html").exists() and (site / "_static" / "y.html").exists()
        assert (site / "pagefind" / "pagefind.js").exists()
        (root / "pagefind" / "x.md").write_text("# X\n\nOther words.")
