"""Only `execute` and `test` run code of a book: no other command starts a program of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import MakeBook

import bookc
from bookc.author.lint import lint_book
from bookc.run.build import make_build
from bookc.site.dates import commit, last_changes

BOOKC = Path(sys.executable).with_name("bookc")
RAN = "import pathlib; pathlib.Path(__file__).with_name('RAN').write_text(__name__)\n"
# Modules that bookc or its helpers import, or might.
MODULES = (
    "pagefind", "pagefind_bin", "bookc", "platform", "subprocess", "json", "nbformat", "site",
    "sitecustomize", "usercustomize", "markdown_it", "pygments", "PIL", "isort", "watchfiles",
    "encodings",
)  # fmt: skip
CONFIG = "[project]\ntitle = B\n[build]\ntabs = python\n[library-python]\nlib_file = saved.py\n"
CODE = "# Book\n\nText.\n\n```{.python .input}\nopen('RAN', 'w')  #@save\n```\n"


@pytest.fixture
def hostile(make_book: MakeBook) -> Path:
    """A book whose files would run if somebody imported them."""
    files = {f"{name}.py": RAN for name in MODULES} | {"conftest.py": RAN, "setup.py": RAN}
    files |= {"pagefind.yml": "site: /\nlogfile: RAN\n", "pytest.ini": "[pytest]\n"}
    files |= {"pyproject.toml": "[tool.isort]\nprofile = 'x'\n", ".isort.cfg": "[settings]\n"}
    return make_book({**files, "config.ini": CONFIG, "index.md": CODE})


@pytest.mark.parametrize(
    "verb", [["lint"], ["build"], ["build", "lib"], ["build", "notebooks", "--to", "py"], ["clean"]]
)
def test_a_command_in_a_books_folder_runs_nothing_of_it(hostile: Path, verb: list[str]) -> None:
    done = subprocess.run([BOOKC, *verb], cwd=hostile, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(hostile.rglob("RAN*"))


def test_nor_does_serve(hostile: Path) -> None:
    command = [BOOKC, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=hostile, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        index = hostile / "_build" / "html" / "pagefind" / "pagefind-entry.json"
        for _ in range(600):  # a process of its own makes the index after a pause
            if index.exists():
                break
            time.sleep(0.1)
        assert index.exists()
        assert urllib.request.urlopen(address).status == 200
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert not list(hostile.rglob("RAN*"))


def git(folder: Path, *arguments: str, text: str = "") -> str:
    about = {"GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e", "GIT_COMMITTER_NAME": "n"}
    environment = os.environ | about | {"GIT_COMMITTER_EMAIL": "e"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, input=text, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


SIGNED = """\
tree {tree}
author n <e> 1700000000 +0000
committer n <e> 1700000000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 .
 -----END PGP SIGNATURE-----

message
"""


def spring(root: Path) -> Path:
    """A program of the book that tells when it was run."""
    program = root / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {root}/RAN\n")
    program.chmod(0o755)
    return program


def commit_signed(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    tree = git(root, "write-tree")
    text = SIGNED.format(tree=tree)
    name = git(root, "hash-object", "-t", "commit", "-w", "--stdin", text=text)
    git(root, "update-ref", "HEAD", name)


def test_a_repository_starts_no_program(make_book: MakeBook) -> None:
    root = make_book({"index.md": "# Book"})
    program = spring(root)
    commit_signed(root)
    settings = {"log.showSignature": "true", "gpg.program": program, "core.fsmonitor": program}
    settings |= {"core.pager": program, "diff.external": program, "core.sshCommand": program}
    for name, value in settings.items():
        git(root, "config", name, str(value))
    git(root, "log", "--format=%cs")  # the trap is set: Git by itself runs it
    assert (root / "RAN").exists()
    (root / "RAN").unlink()
    assert last_changes(make_build(root).book) == {"index.md": "2023-11-14"}
    assert not (root / "RAN").exists()


def test_a_folder_that_looks_like_a_repository_is_none(make_book: MakeBook) -> None:
    root = make_book({"book/config.ini": CONFIG, "book/index.md": "# Book"})
    program = spring(root)
    commit_signed(root)
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "gpg.program", str(program))
    (root / ".git").rename(root / "moved")
    for part in (root / "moved").iterdir():
        part.rename(root / "book" / part.name)  # as files of a pull request
    git(root / "book", "config", "core.bare", "true")
    assert commit(root / "book") is None
    assert not (root / "RAN").exists()


STARTS = re.compile(
    r"subprocess\.(run|Popen)|create_subprocess|os\.(system|exec|spawn|popen)|\beval\(|\bexec\("
)


def test_every_place_that_starts_a_process_is_known() -> None:
    """docs/security.md says why each is safe."""
    folder = Path(bookc.__file__).parent
    found = {
        file.relative_to(folder).as_posix(): len(STARTS.findall(file.read_text("utf-8")))
        for file in folder.rglob("*.py")
        if STARTS.search(file.read_text("utf-8"))
    }
    assert found == {
        "run/check.py": 1, "run/environments.py": 1, "run/machine.py": 1,
        "site/dates.py": 1, "site/search_index.py": 1, "site/serve.py": 2,
    }  # fmt: skip
    listed = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
    assert all(f"`{name}`" in listed for name in [*found, "run/kernels.py"])


@pytest.mark.parametrize("milliseconds", [5, 30, 60, 100, 150, 200])
def test_ctrl_c_at_the_start_is_no_traceback(make_book: MakeBook, milliseconds: int) -> None:
    """From when bookc's own code runs: before that, Python itself is starting."""
    root = make_book({"index.md": "# Book"})
    code = f"import sys; print('on', flush=True); sys.argv[1:] = ['lint', '--book', {str(root)!r}]"
    code += "; from bookc.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "on\n"
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    ended = (process.returncode, error)
    assert ended in [(130, "stopped\n"), (0, "")] or "main()" not in error


def test_lint_reads_what_would_run(hostile: Path) -> None:
    assert lint_book(hostile).problems == ()
