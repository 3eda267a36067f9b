"""The command line: help with examples, and every error of a bad book in one run."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CONFIG

from bookc import disk
from bookc.__main__ import main
from bookc.options import EARLIER

VERBS = ("new", "build", "serve", "lint", "execute", "status", "kernels", "test", "sync", "clean")

BAD_BOOK = {
    "config.ini": CONFIG + "[pdf]\nbibfile = refs.bib\n[library-pytorch]\nlib_file = lib.py\n",
    "refs.bib": "@misc{smith2001, author = {Smith, Ann}, title = {A}, year = {2001}}\n",
    "index.md": (
        "# Book\n"
        "\n"
        "```toc\n"
        ":numbered:\n"
        "fence\n"
        "chapters/nowhere\n"  # line 6
        "page\n"
        "```\n"
        "\n"
        "See :numref:`sec_after_fence`, :numref:`sec_in_block` and :numref:`sec_pgae`.\n"  # line 10
    ),
    "fence.md": (
        "# Fence\n"
        ":label:`sec_fence`\n"
        "\n"
        "```{.python .input}\n"  # line 4
        "x = 1\n"
        "\n"
        "## After the Fence\n"
        ":label:`sec_after_fence`\n"
    ),
    "block.md": (
        "# Block\n"
        "\n"
        ":begin_tab:`mxnet`\n"  # line 3
        "Text.\n"
        "\n"
        "## In the Block\n"
        ":label:`sec_in_block`\n"
    ),
    "page.md": (
        "# Page\n"
        ":label:`sec_page`\n"
        "\n"
        "```{.python .input}\n"
        "#@tab torhc\n"  # line 5
        "f(1)  #@quick f(2)\n"  # line 6
        "```\n"
        "\n"
        "## Again\n"  # line 9
        ":label:`sec_fence`\n"
        "\n"
        "By :citet:`nobody1999` and :cite:`smith2001`.\n"  # line 12
        "\n"
        "![A picture.](img/nowhere.svg)\n"  # line 14
    ),
}
ERRORS = """\
block.md:3: this tab block is never closed: :end_tab: is missing
fence.md:4: this ``` fence is never closed
index.md:6: toc names 'chapters/nowhere', but there is no chapters/nowhere.md
index.md:10: no label 'sec_pgae': did you mean 'sec_page'?
page.md:5: unknown tab 'torhc': did you mean 'pytorch'? (known: pytorch, mxnet)
page.md:6: #@quick stands behind an assignment on one line: `n = 20  #@quick 1`
page.md:9: label 'sec_fence' is already defined in fence
page.md:12: no reference 'nobody1999' in the bibliography
page.md:14: no such image: img/nowhere.svg
9 errors
"""


@pytest.mark.parametrize("command", [*VERBS, "activate"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"example: bookc {command}" in text
    assert ("--book DIR" in text) == (command != "new")


def test_help_names_every_verb_that_is_listed(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert re.findall(r"^    ([a-z]+)\s+\w", text, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("earlier,now", [(name, " ".join(now)) for name, now in EARLIER.items()])
def test_earlier_names_do_the_same_and_say_the_new_one(earlier, now, tmp_path, capsys):
    assert main([earlier, "--book", str(tmp_path)]) == 1
    of_earlier = capsys.readouterr().err
    assert main([*now.split(), "--book", str(tmp_path)]) == 1
    assert of_earlier == f"bookc {earlier} is called bookc {now} now\n" + capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["pdf"], "build pdf: bookc builds notebooks, html, lib\n1 error\n"),
        (["html", "--raw"], "--raw: is for notebooks: bookc build notebooks\n1 error\n"),
        (["lib", "--tab", "mxnet"], "--tab: is for notebooks: bookc build notebooks\n1 error\n"),
    ],
)
def test_what_cannot_be_built(arguments, message, tiny, capsys):
    assert main(["build", *arguments, "--book", str(tiny)]) == 1
    assert capsys.readouterr().err == message


def test_clean_removes_what_build_wrote_and_nothing_else(tiny, capsys, files_below):
    before = files_below(tiny)
    assert main(["clean", "--book", str(tiny)]) == 0
    assert main(["build", "--book", str(tiny)]) == 0
    built = files_below(tiny)
    capsys.readouterr()
    assert main(["clean", "--book", str(tiny)]) == 0
    removed = len(built) - len(before)
    stamps = sum("/stamps/" in name for name in built)
    assert capsys.readouterr().out == f"{removed - stamps} files removed from {tiny / '_build'}\n"
    assert files_below(tiny) == before
    assert not (tiny / "_build").exists()


def test_clean_leaves_what_an_author_made_or_edited(tiny, capsys):
    assert main(["build", "notebooks", "--book", str(tiny)]) == 0
    folder = tiny / "_build" / "notebooks"
    edited = next(folder.rglob("*.ipynb"))
    edited.write_text(edited.read_text() + "\n")
    (folder / "mine.txt").write_text("mine")
    (tiny / "_build" / "stamps" / "x.json").write_text(
        json.dumps({"outputs": {str(tiny / "index.md"): disk.state(tiny / "index.md")}})
    )
    assert main(["clean", "--book", str(tiny)]) == 0
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(
        [edited, folder / "mine.txt"]
    )
    assert (tiny / "index.md").exists()  # a stamp speaks of the output folder only
    assert capsys.readouterr().out.endswith(
        "2 files are left there: edited since, or not written by `bookc build`\n"
    )


@pytest.mark.parametrize(
    "arguments,message",
    [
        ([], "the following arguments are required: VERB"),
        (["exceute"], "invalid choice: 'exceute'"),
        (["execute", "--jobs", "0"], "0: want 1 or more"),
        (["build", "notebooks", "--to", "nosuch"], "'nosuch': want a format such as py:percent"),
        (["build", "notebooks", "--to", "percent"], "'percent': want a format such as py:percent"),
        (
            ["build", "notebooks", "--to", "py:nosuch"],
            "'py:nosuch': want a format such as py:percent",
        ),
        (["lint", "--nosuch"], "unrecognized arguments: --nosuch"),
    ],
)
def test_wrong_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_all_errors_of_a_book_in_one_run(make_book, capsys, files_below):
    root = make_book(BAD_BOOK)
    for name in ("_build/html/index.html", "_build/notebooks/pytorch/page.ipynb", "lib.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("from before")
    before = files_below(root)
    assert main(["lint", "--book", str(root)]) == 1
    with_columns = capsys.readouterr().err
    assert re.sub(r"^([^:]+:\d+):\d+:", r"\1:", with_columns, flags=re.M) == ERRORS
    for command in (
        ["build", "notebooks"],
        ["build", "html"],
        ["build", "lib"],
        ["build"],
        ["execute"],
        ["test"],
    ):
        assert main([*command, "--book", str(root)]) == 1
        assert capsys.readouterr().err == ERRORS
        assert files_below(root) == before


def test_all_errors_are_gone_when_each_is_mended(make_book, capsys):
    mended = {
        "index.md": BAD_BOOK["index.md"]
        .replace("chapters/nowhere", "block")
        .replace("pgae", "page"),
        "fence.md": BAD_BOOK["fence.md"].replace("x = 1\n", "x = 1\n```\n"),
        "block.md": BAD_BOOK["block.md"] + ":end_tab:\n",
        "page.md": BAD_BOOK["page.md"]
        .replace("torhc", "pytorch")
        .replace("f(1)", "n = f(1)")
        .replace(":label:`sec_fence`", ":label:`sec_again`")
        .replace("nobody1999", "smith2001")
        .replace("nowhere.svg", "dot.svg"),
        "img/dot.svg": "<svg/>",
    }
    root = make_book({**BAD_BOOK, **mended})
    assert main(["lint", "--book", str(root)]) == 0
    assert capsys.readouterr().out == "4 files, no errors\n"


def test_a_bad_config(make_book, capsys, files_below):
    root = make_book({"config.ini": CONFIG.replace("tabs", "tbas"), "index.md": "# Book\n"})
    before = files_below(root)
    assert main(["build", "notebooks", "--book", str(root)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("config.ini:6: unknown key 'tbas' in [build]: did you mean 'tabs'?")
    assert files_below(root) == before


def test_no_book_and_no_index(make_book, tmp_path, capsys):
    assert main(["lint", "--book", str(tmp_path / "nowhere")]) == 1
    assert "config.ini: not found: name the book's folder with --book" in capsys.readouterr().err
    root = make_book({"page.md": "# Page\n"})
    assert main(["lint", "--book", str(root)]) == 1
    assert capsys.readouterr().err.startswith("config.ini: no index page: index.md is not in ")


def test_a_folder_that_cannot_be_written(tiny, capsys):
    (tiny / "out").write_text("a file")
    assert main(["build", "notebooks", "--book", str(tiny), "--out", str(tiny / "out")]) == 1
    error = capsys.readouterr().err
    assert error == f"{tiny / 'out'}: is a file, a folder goes there\n1 error\n"
    assert "Traceback" not in error


def test_a_full_disk(tiny, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    out = tiny / "out"
    assert main(["build", "notebooks", "--book", str(tiny), "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"{tiny}/") and error.endswith(": No space left on device\n1 error\n")
    assert not [file for file in out.rglob("*") if file.is_file()]


def test_notebooks_of_one_tab_to_a_folder(tiny, tmp_path, capsys, files_below):
    out = tmp_path / "lab"
    assert (
        main(["build", "notebooks", "--book", str(tiny), "--tab", "mxnet", "--out", str(out)]) == 0
    )
    assert capsys.readouterr().out == f"5 notebooks in {out}, 5 changed\n"
    assert sorted(files_below(out)) == [
        "mxnet/img/dot.svg",
        "mxnet/index.ipynb",
        "mxnet/part/cells.ipynb",
        "mxnet/part/index.ipynb",
        "mxnet/part/one_tab.ipynb",
        "mxnet/preface.ipynb",
    ]
    assert main(["build", "notebooks", "--book", str(tiny), "--to", "py:percent"]) == 0
    assert (tiny / "_build/notebooks/pytorch/part/cells.py").exists()


def test_lib(tiny, capsys):
    module = tiny / "saved" / "mxnet.py"
    text = module.read_text()
    module.unlink()
    assert main(["build", "lib", "--book", str(tiny)]) == 0
    assert capsys.readouterr().out == f"wrote {module}\n3 modules, 1 changed\n"
    assert module.read_text() == text


def test_pages_that_are_no_notebooks(make_book, capsys):
    config = "[build]\nnotebooks = *.md\nnon-notebooks = about/*.md\ntabs = pytorch, mxnet\n"
    index = "# Book\n\n```toc\none\nabout/us\n```\n"
    code = "```{.python .input}\n#@tab all\nx = 1\n```\n"
    files = {"index.md": index, "one.md": f"# One\n\n{code}", "about/us.md": f"# Us\n\n{code}"}
    root = make_book({"config.ini": config, **files})
    assert main(["build", "--book", str(root)]) == 0
    built = root / "_build"
    assert (built / "html" / "about" / "us.html").exists()
    assert sorted(file.stem for file in (built / "notebooks" / "mxnet").rglob("*.ipynb")) == [
        "index",
        "one",
    ]


def test_a_pipe_that_is_closed_early_is_no_error(tiny):
    command = [sys.executable, "-m", "bookc", "build", "notebooks", "--book", str(tiny)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as `| head` does when it has seen enough
        assert process.stderr.read() == b""
    assert process.returncode == 141
