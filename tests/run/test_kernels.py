"""Notebooks run in real kernels, through the command line as a reader starts it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import CONFIG

ONE_TAB = CONFIG.replace("tabs = pytorch, mxnet", "tabs = pytorch")


def cells(*sources: str) -> str:
    """A page with these code cells; the first one's code is on line 4."""
    blocks = [f"```{{.python .input}}\n{source}\n```\n" for source in sources]
    return "\n".join(["# Page\n", *blocks])


def record(root: Path, path: str, tab: str = "pytorch"):
    return nbformat.read(root / "notebooks" / tab / f"{path}.ipynb", as_version=4)


def kernels_of(process: int) -> list[psutil.Process]:
    """The kernels that a process has started."""
    kernels = []
    for child in psutil.Process(process).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended since
            if "ipykernel_launcher" in child.cmdline():
                kernels.append(child)
    return kernels


def is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_outputs_are_recorded_and_then_kept(make_book, bookc, files_below):
    root = make_book(
        {
            "config.ini": ONE_TAB,
            "index.md": "# Book\n```toc\npart/page\n```\n",
            "part/page.md": cells(
                "%matplotlib inline\nfrom matplotlib import pyplot as plt\nplt.plot([1, 2]);",
                "import os\nprint('a')\nprint('b')\nn = 20  #@quick 1",
                "n, os.path.basename(os.getcwd())",
            ),
        }
    )
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert "pytorch part/page" in run.stdout
    plot, printed, result = record(root, "part/page").cells[1:]
    assert list(plot.outputs[0].data) == ["image/png", "text/plain"]
    assert [dict(output) for output in printed.outputs] == [
        {"output_type": "stream", "name": "stdout", "text": "a\nb\n"}
    ]
    assert result.outputs[0].data == {"text/plain": "(20, 'part')"}
    assert [cell.execution_count for cell in (plot, printed, result)] == [1, 2, 3]
    metadata = record(root, "part/page").metadata.bookc
    assert metadata.versions == {} and metadata.seconds > 0
    assert not (root / "notebooks" / "pytorch" / "index.ipynb").exists()

    # The quick values run beside the record, and the record is not made twice.
    before = files_below(root / "notebooks")
    run = bookc("execute", "--book", root, "--quick", "part/page")
    assert run.returncode == 0
    quick = nbformat.read(root / "_build/quick/pytorch/part/page.ipynb", as_version=4)
    assert quick.cells[3].outputs[0].data == {"text/plain": "(1, 'part')"}
    run = bookc("execute", "--book", root)
    assert "nothing to execute" in run.stdout
    assert files_below(root / "notebooks") == before


def test_two_notebooks_run_at_the_same_time(make_book, bookc):
    meet = (
        "import pathlib, time\n"
        "pathlib.Path('{0}').touch()\n"
        "while not pathlib.Path('{1}').exists():\n"
        "    time.sleep(0.05)"
    )
    root = make_book(
        {
            "config.ini": ONE_TAB + "[bookc]\ntimeout = 60\n",
            "index.md": "# Book\n",
            "a.md": cells(meet.format("a", "b")),
            "b.md": cells(meet.format("b", "a")),
        }
    )
    run = bookc("execute", "--book", root, "--jobs", 2)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_failing_cell_is_shown_and_the_others_are_written(make_book, bookc):
    message = "see gan.md:100: [bold]x[/bold] :smile: [0]"
    root = make_book(
        {
            "config.ini": ONE_TAB,
            "index.md": "# Book\n",
            "good.md": cells("print('fine')"),
            "bad.md": cells(
                "def f(n):\n    raise ValueError(n)",
                "a = 1\n#@save\ndef g():\n    return 1\n"
                f"f('{message}\\nsecond line')\nprint('not reached')",
            ),
            "syntax.md": cells("a = 1\n\nb = = 2"),
        }
    )
    run = bookc("execute", "--book", root)
    assert run.returncode == 1
    errors = run.stderr.split("\n")
    where = "(cell 2 of the pytorch notebook)"
    assert f"bad.md:13: ValueError: {message} {where}" in errors
    assert "\nsyntax.md:6: SyntaxError: invalid syntax" in run.stderr
    assert "2 errors" in errors
    # The cell as it ran, and the traceback through the function of an earlier cell.
    assert f"--- pytorch bad: bad.md:13: ValueError: {message} {where}" in errors
    assert "print('not reached')" in errors
    assert "----> 2     raise ValueError(n)" in run.stderr
    assert "\x1b" not in run.stderr
    assert (root / "notebooks/pytorch/good.ipynb").exists()
    assert not (root / "notebooks/pytorch/bad.ipynb").exists()
    assert not (root / "notebooks/pytorch/syntax.ipynb").exists()


@pytest.mark.parametrize("starting", [True, False], ids=["kernel starts", "cell runs"])
def test_ctrl_c_leaves_no_kernel_and_no_half_file(make_book, files_below, starting):
    root = make_book(
        {
            "config.ini": ONE_TAB,
            "index.md": "# Book\n",
            "page.md": cells(
                "import os, pathlib, time\n"
                "pathlib.Path('pid.part').write_text(str(os.getpid()))\n"
                "pathlib.Path('pid.part').rename('pid')",
                "time.sleep(600)",
            ),
        }
    )
    old = nbformat.v4.new_notebook(metadata={"bookc": {"source": "page.md", "tab": "pytorch"}})
    (root / "notebooks" / "pytorch").mkdir(parents=True)
    nbformat.write(old, root / "notebooks" / "pytorch" / "page.ipynb")
    before = files_below(root / "notebooks")
    process = subprocess.Popen(
        [sys.executable, "-m", "bookc", "execute", "--book", root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background ignores SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    place = root / "_build" / "notebooks" / "pytorch" / "pid"
    deadline = time.monotonic() + 60
    while not ((kernels := kernels_of(process.pid)) and (starting or place.exists())):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "stopped\n")
    assert not any(is_running(kernel) for kernel in kernels)
    assert files_below(root / "notebooks") == before


def test_a_missing_framework_is_named_and_the_other_tabs_run(make_book, bookc):
    frameworks = (
        "[bookc]\nframeworks = pytorch, json, nothing\n"
        "             mxnet, no_such_framework, mxnet numpy<2\n"
    )
    root = make_book(
        {
            "config.ini": CONFIG + frameworks,
            "index.md": "# Book\n",
            "page.md": cells("#@tab all\nprint('fine')"),
        }
    )
    run = bookc("execute", "--book", root)
    assert run.returncode == 1
    assert run.stderr == (
        "config.ini: tab mxnet needs no_such_framework, which is not installed: "
        "pip install 'mxnet numpy<2'\n1 error\n"
    )
    assert record(root, "page").cells[1].outputs[0].text == "fine\n"
    assert not (root / "notebooks" / "mxnet").exists()


def test_what_cannot_be_chosen(tiny, bookc):
    run = bookc("execute", "--book", tiny, "part/cell", "preface")
    assert run.returncode == 1
    assert run.stderr == (
        "part/cell: no such section with code (known: part/cells, part/one_tab)\n"
        "preface: no such section with code (known: part/cells, part/one_tab)\n"
        "2 errors\n"
    )
    run = bookc("execute", "--book", tiny, "--tab", "jax")
    assert run.stderr.startswith("--tab: unknown tab 'jax' (known: pytorch, tensorflow, mxnet)\n")


def texts(cell) -> list[str]:
    """What a cell's outputs are, in order: their text, or the kind of what is displayed."""
    return [
        output.text if output.output_type == "stream" else sorted(output.data)[-1]
        for output in cell.outputs
    ]


def test_outputs_have_the_order_in_which_they_came(make_book, bookc):
    code = """\
import sys
from IPython.display import HTML, clear_output, display
for n in range(2):
    print('text', n)
    print('error', n, file=sys.stderr)
    print('more', n)
    display(HTML('<b>shown</b>'))
print('end')"""
    line = "for n in range(20000): print('1234567890', end=', ' if n % 50 else '')"
    overwritten = "print('50 %\\r100 %')\nprint('abc\\b\\bd')\nprint('a\\r\\nb')"
    cleared = "for n in range(3):\n    clear_output(wait=True)\n    print(n)"
    page = cells(code, line, overwritten, f"from IPython.display import clear_output\n{cleared}")
    root = make_book({"config.ini": ONE_TAB, "index.md": page})
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    ordered, long, over, clear = record(root, "index").cells[1:]
    assert texts(ordered) == [
        "text 0\nmore 0\n", "error 0\n", "text/plain",
        "text 1\nmore 1\n", "error 1\n", "text/plain", "end\n",
    ]  # fmt: skip
    assert len(texts(long)) == 1 and len(texts(long)[0]) > 200_000
    assert texts(over) == ["100 %\nad\na\nb\n"] and texts(clear) == ["2\n"]


def test_what_a_cell_prints_without_end_is_cut_with_a_note(make_book, bookc):
    config = ONE_TAB + "[bookc]\noutput_limit = 1000\n"
    page = cells(
        "print('x' * 100_000_000)",
        "for n in range(1000): print('line', n, flush=True)",
        "'y' * 50_000_000",
        "print('small')",
    )
    root = make_book({"config.ini": config, "index.md": page})
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    much, many, returned, small = record(root, "index").cells[1:]
    note = "more letters are left out: output_limit in config.ini]"
    assert texts(much)[0] == "x" * 1000 and f"[99,999,001 {note}" in texts(much)[1]
    assert len(texts(many)[0]) == 1000 and note in texts(many)[1]
    (output,) = returned.outputs
    assert output.data["text/plain"] == (
        "[an output of 50,000,002 letters is left out: output_limit in config.ini]"
    )
    assert texts(small) == ["small\n"]
    assert (root / "notebooks" / "pytorch" / "index.ipynb").stat().st_size < 10_000


def test_a_second_execute_waits_and_has_nothing_to_do(make_book):
    page = cells("import pathlib, time\nopen('../../../runs', 'a').write('.')\ntime.sleep(2)")
    root = make_book({"config.ini": ONE_TAB, "index.md": page})
    command = [sys.executable, "-m", "bookc", "execute", "--book", str(root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as first:
        while not (root / "runs").exists():
            time.sleep(0.05)
            assert first.poll() is None
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert first.wait(60) == 0
    assert "another `bookc execute` runs on this book" in second.stdout
    assert "nothing to execute" in second.stdout and second.returncode == 0
    assert (root / "runs").read_text() == "."


def test_plain_nbval_passes_on_the_record(make_book, bookc, tmp_path):
    """As its users type it: what differs from run to run carries nbval's own tag."""
    dark = (
        "import os\n"
        "from IPython.display import display\n"
        "data = {'text/plain': 'picture', 'image/x-dark+png': 'iVBORw0KGgo='}\n"
        "if 'D2L_DARK' not in os.environ: del data['image/x-dark+png']\n"  # as d2l_shim does
        "display(data, raw=True)"
    )
    page = cells(
        "print('same')\n1 + 1",
        dark,
        "import time\nprint(f'{time.perf_counter_ns() % 1000}.0 examples/sec')",
        "object()",
        "import sys\nprint('error', file=sys.stderr)\nprint('text')",
    )
    root = make_book({"config.ini": ONE_TAB, "index.md": page})
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    made = [cell for cell in record(root, "index").cells if cell.cell_type == "code"]
    assert made[1].outputs[0].metadata == {"image/x-dark+png": "iVBORw0KGgo="}
    tagged = ["nbval-ignore-output" in cell.metadata.get("tags", ()) for cell in made]
    assert tagged == [False, False, True, True, False]
    notebook = root / "notebooks" / "pytorch" / "index.ipynb"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", str(notebook)]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert "5 passed" in checked.stdout
    assert bookc("status", "--book", root).returncode == 0
