"""`bookc test`: green on an unchanged book, and red for each kind of change."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import CONFIG
from test_kernels import ONE_TAB, cells

from bookc.notebook.file import notebook_text
from bookc.run.build import make_build

CELLS = "part/cells.md"
AGAIN = "run `bookc execute --tab pytorch part/cells`"


def change(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, count), encoding="utf-8")


def line_of(file: Path, text: str) -> int:
    return file.read_text(encoding="utf-8").split("\n").index(text) + 1


def test_an_unchanged_book_is_green(tiny, bookc):
    run = bookc("test", "--book", tiny)
    assert (run.returncode, run.stderr) == (0, "")
    # Five code cells in each tab and one more in MXNet's; all before #@quick are compared.
    assert re.search(r"nbval: 16 cells executed, 13 of them compared with the record", run.stdout)


# The three changes that the check must not miss.


def test_a_recorded_shape_changed(tiny, bookc):
    record = tiny / "notebooks" / "pytorch" / "part" / "cells.ipynb"
    change(record, '"(2, 3, 8, 8)"', '"(2, 3, 9, 9)"')
    run = bookc("test", "--book", tiny, "--tab", "pytorch")
    assert run.returncode == 1
    line = line_of(tiny / CELLS, "shape(2)")
    message = f"{CELLS}:{line}: its output differs in the pytorch notebook"
    assert run.stderr.endswith(f"\n{message}\n1 error\n")
    assert "(2, 3, 9, 9)" in run.stderr and "(2, 3, 8, 8)" in run.stderr


def test_a_code_line_changed(tiny, bookc):
    change(tiny / CELLS, "return (n, 3, 8, 8)", "return (n, 3, 4, 4)")
    run = bookc("test", "--book", tiny, "--tab", "pytorch")
    assert run.returncode == 1
    line = line_of(tiny / CELLS, "def shape(n):")
    message = f"this code, or library code that it uses, is newer than its pytorch output: {AGAIN}"
    assert f"\n{CELLS}:{line}: {message}\n" in f"\n{run.stderr}"
    for tab in ("pytorch", "mxnet"):
        assert f"saved/{tab}.py: not what the chapters save: run `bookc build lib`\n" in run.stderr


def test_a_label_changed(tiny, bookc):
    change(tiny / CELLS, ":label:`fig_dot`", ":label:`fig_dots`")
    run = bookc("test", "--book", tiny)
    line = line_of(tiny / CELLS, "See :numref:`fig_dot`, :numref:`tab_sizes`, "
                   ":eqref:`eq_half` and :ref:`sec_preface`.")  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == (
        f"{CELLS}:{line}: no label 'fig_dot': did you mean 'fig_dots'?\n1 error\n"
    )


# What else it looks at.


@pytest.fixture
def recorded(make_book):
    """Make a book of one page for each name, with outputs as if it had been executed.

    A page is the source of one code cell and the text that is recorded as its output.
    """

    def make(pages: dict[str, tuple[str, str]], config: str = "") -> Path:
        root = make_book(
            {
                "config.ini": CONFIG.replace("tabs = pytorch, mxnet", "tabs = pytorch") + config,
                "index.md": "# Book\n",
                **{
                    f"{name}.md": f"# Page\n\n```{{.python .input}}\n{source}\n```\n"
                    for name, (source, _) in pages.items()
                },
            }
        )
        for (tab, path), notebook in make_build(root).notebooks.items():
            if path in pages:
                text = pages[path][1]
                notebook.cells[1].execution_count = 1
                notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text=text)]
                notebook.metadata.bookc["versions"] = {}
                file = root / "notebooks" / tab / f"{path}.ipynb"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(notebook_text(notebook), encoding="utf-8")
        return root

    return make


def test_what_is_compared_and_what_is_not(recorded, bookc):
    rate = "examples/sec"
    root = recorded(
        {
            "exact": ("print(6 * 7)", "41\n"),
            "fails": ("a = 1\n1 / 0", ""),
            "ignored": ("#@tags nbval-ignore-output\nprint('here')", "there\n"),
            "quick": ("n = 20  #@quick 1\nprint(n)", "20\n"),
            "rate": (f"print('loss 0.5, 99 {rate} on cpu')", f"loss 0.5, 1.5 {rate} on cuda:0\n"),
            "rate2": (f"print('loss 0.5, 99 {rate} on cpu')", f"loss 0.7, 1.5 {rate} on cpu\n"),
            "seconds": ("print('took 0.1 s at ' + '0x7f00aa')", "took 12 sec at 0x7ffff3\n"),
        }
    )  # fmt: skip
    run = bookc("test", "--book", root)
    assert run.returncode == 1
    assert "nbval: 7 cells executed, 5 of them compared with the record" in run.stdout
    assert "1 not compared: it differs from run to run, its author says\n" in run.stdout
    assert "1 not compared: it has a quick value, or follows one\n" in run.stdout
    assert run.stderr.split("\n")[-5:-1] == [
        "exact.md:4: its output differs in the pytorch notebook",
        "fails.md:4: it does not run in the pytorch notebook",
        "rate2.md:4: its output differs in the pytorch notebook",
        "3 errors",
    ]
    assert "ZeroDivisionError" in run.stderr


def test_a_record_that_is_missing_stale_or_of_another_version(recorded, bookc):
    root = recorded(
        dict.fromkeys(("fine", "missing", "stale", "version"), ("print(1)", "1\n")),
        "[bookc]\nframeworks = pytorch, nbformat, nbformat\n",
    )
    for name in ("fine", "missing", "stale", "version"):
        file = root / "notebooks" / "pytorch" / f"{name}.ipynb"
        made = "1.0" if name == "version" else nbformat.__version__
        change(file, '"versions": {}', f'"versions": {{"nbformat": "{made}"}}')
    (root / "notebooks" / "pytorch" / "missing.ipynb").unlink()
    change(root / "stale.md", "print(1)", "print(2)")
    run = bookc("test", "--book", root)
    assert run.returncode == 1
    again = "run `bookc execute --tab pytorch"
    now = {"nbformat": nbformat.__version__}
    made = f"executed with {{'nbformat': '1.0'}}, installed is {now}"
    errors = run.stderr.split("\n")
    assert f"missing.md: has no executed pytorch notebook: {again} missing`" in errors
    message = "this code, or library code that it uses, is newer than its pytorch output"
    assert f"stale.md:4: {message}: {again} stale`" in errors
    assert f"version.md: {made}: {again} version`" in errors
    assert not any(line.startswith("fine.md") for line in errors)


def test_one_section_of_one_tab(tiny, bookc):
    run = bookc("test", "--book", tiny, "--tab", "mxnet", "part/one_tab")
    assert (run.returncode, run.stderr) == (0, "")
    assert "nbval: 1 cells executed, 1 of them compared" in run.stdout


def test_marks_mean_to_bookc_what_they_mean_to_nbval(make_book, bookc):
    """The same book is executed and tested: a cell that is skipped is skipped by both."""
    page = cells(
        "# NBVAL_SKIP\nraise SystemExit('runs')",
        "#@tags nbval-skip\n1 / 0",
        "#@tags skip-execution\n1 / 0",
        "# NBVAL_RAISES_EXCEPTION\n1 / 0",
        "#@tags nbval-raises-exception\n1 / 0",
        "#@tags raises-exception\n1 / 0",
        "# NBVAL_IGNORE_OUTPUT\nimport time\nprint(time.time_ns())",
        "print('compared')",
    )
    root = make_book({"config.ini": ONE_TAB, "index.md": page})
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    run = bookc("test", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert "nbval: 5 cells executed, 4 of them compared with the record" in run.stdout
    assert "3 not compared: each is not to be run\n" in run.stdout
    assert bookc("lint", "--record", "--book", root).returncode == 0
    notebook = root / "notebooks" / "pytorch" / "index.ipynb"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", str(notebook)]
    plain = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert plain.returncode == 0, plain.stdout


def test_what_differs_from_run_to_run_passes_right_after_it_was_recorded(make_book, bookc):
    codes = (
        "import warnings\nwarnings.warn('look here')",
        "%%time\nn = sum(range(1000))",
        "%timeit -n 10 -r 2 sum(range(10))",
        "import json\nprint(json.__file__)",
        "import os\nprint(os.path.expanduser('~/x'), os.getcwd() != '')",
        "print('\\x1b[31mred\\x1b[0m')",
        "print('1' * 1_000_000)",
    )
    root = make_book({"config.ini": ONE_TAB, "index.md": cells(*codes)})
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    file = root / "notebooks" / "pytorch" / "index.ipynb"
    text = file.read_text()
    assert "<cell 1>:3: UserWarning: look here" in text and "json/__init__.py" in text
    assert not any(part in text for part in ("ipykernel_", "\x1b", "\\u001b", sys.prefix))
    run = bookc("test", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    # To run it again changes nothing: not even by how long it took.
    assert bookc("execute", "--all", "--book", root).returncode == 0
    again = file.read_text()
    lint = bookc("lint", "--record", "--book", root)
    assert lint.returncode == 1 and "cell 1 (index.md:4) shows a warning" in lint.stderr
    assert "1 error\n" in lint.stderr
    assert again == text


def test_numbers_that_are_near_pass_where_the_cell_says_so(recorded, bookc):
    recorded_text = "loss 0.500001 of 3 in [1.0, 2e-7]\n"
    code = "#@tolerance 1e-3\nprint('loss {0} of {1} in [1.0, 2.1e-7]')"
    root = recorded(
        {
            "near": (code.format(0.5003, 3), recorded_text),
            "far": (code.format(0.503, 3), recorded_text),
            "count": (code.format(0.5, 4), recorded_text),
            "strict": ("print(0.5003)", "0.5\n"),
            "words": (code.format(0.5, 3).replace("loss", "cost"), recorded_text),
        }
    )
    run = bookc("test", "--book", root)
    assert "5 of them compared" in run.stdout
    assert [line for line in run.stderr.split("\n") if "differs in" in line][-4:] == [
        f"{name}.md:{4 + (name != 'strict')}: its output differs in the pytorch notebook"
        for name in ("count", "far", "strict", "words")
    ]
    (root / "near.md").write_text("# P\n\n```{.python .input}\n#@tolerance two\n1\n```\n")
    run = bookc("test", "--book", root)
    assert "near.md:4: #@tolerance two: want a number between 0 and 1, such as 1e-3" in run.stderr
