"""What goes wrong while notebooks run, provoked for real.

Whatever it is: its message names the section, the framework, the cell and the Markdown line, the
other notebooks are recorded, earlier records are whole, the exit code is 1, and no process is left.
"""

import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from test_kernels import ONE_TAB, cells, kernels_of, record

COMMAND = [sys.executable, "-m", "bookc", "execute", "--book"]
EARLIER = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'
UNWRITABLE_FOR_ROOT, CAP_DAC_OVERRIDE = 24, 1  # of Linux's prctl: drop a capability
# How long their children sleep, by which they are known.
KILLED, SLOW = f"{os.getpid()}01", f"{os.getpid()}02"
CHILD = "import subprocess, time\nsubprocess.Popen(['sleep', '{0}'], start_new_session=True)\n"


def run(root: Path, *words: str, **options) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def sleepers(seconds: str) -> list[psutil.Process]:
    """The processes that sleep so long; those that ended have no command line."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.cmdline() == ["sleep", seconds]:
                found.append(one)
    return found


FAULTS = {
    # page: its cells, the line and the cell that are named, and what is said
    "killed": (
        [CHILD.format(KILLED) + "time.sleep(1.5)", "import os, signal\nos.kill(os.getpid(), 9)"],
        "10", "2",
        r"the kernel was ended by SIGKILL, as a system does that is out of memory; it held 0\.\d",
    ),
    "ended": (["a = 1", "import os\nos._exit(3)"], "8", "2",
              r"the kernel ended by itself, with status 3; it held 0\.\d GB"),
    "slow": ([CHILD.format(SLOW), "import time\ntime.sleep(600)"], "10", "2",
             "still running after 4 s: stopped"),
    "long": (["import time\ntime.sleep(3)", *["time.sleep(3)"] * 3], r"\d+", "[34]",
             "the notebook is still running after 8 s: stopped"),
    "memory": (
        ["import resource\nresource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))",
         "x = bytearray(1)\ny = bytearray(64 << 30)"], "10", "2", "MemoryError",
    ),
    "exits": (["a = 1", "exit()", "b = 2", "c = 3"], "8", "2",
              r"exit\(\) ends the notebook, and 2 cells are left"),
    "raises": (["def f():\n    return 1 / 0\n\nf()"], "5", "1",
               "ZeroDivisionError: division by zero"),
}  # fmt: skip


def test_each_fault_is_named_and_the_others_are_recorded(make_book, files_below):
    limits = "[bookc]\ntimeout = 4\nnotebook_timeout = 8\n"
    root = make_book(
        {
            "config.ini": ONE_TAB + limits,
            "index.md": cells("print('first')"),
            "zlast.md": cells("print('last')"),
            **{f"{name}.md": cells(*code) for name, (code, *_) in FAULTS.items()},
            **{f"notebooks/pytorch/{name}.ipynb": EARLIER for name in FAULTS},
        }
    )
    before = {name: (root / f"notebooks/pytorch/{name}.ipynb").read_bytes() for name in FAULTS}
    done = run(root, "--jobs", "2")
    assert done.returncode == 1
    for name, (_, line, cell, message) in FAULTS.items():
        want = rf"^{name}\.md:{line}: {message}.* \(cell {cell} of the pytorch notebook\)$"
        assert re.search(want, done.stderr, re.MULTILINE), (want, done.stderr)
        assert (root / f"notebooks/pytorch/{name}.ipynb").read_bytes() == before[name]
    assert f"{len(FAULTS)} errors" in done.stderr
    for name, text in {"index": "first\n", "zlast": "last\n"}.items():
        assert record(root, name).cells[-1].outputs[0].text == text
    assert not sleepers(KILLED) and not sleepers(SLOW)

    # What failed is known, and can be run alone.
    status = subprocess.run(
        [sys.executable, "-m", "bookc", "status", "--book", root], capture_output=True, text=True
    )
    assert status.returncode == 1 and status.stdout.count("failed after") == len(FAULTS)
    (root / "raises.md").write_text(cells("print('mended')"))
    again = run(root, "--failed", "--only", "raises", "--only", "index")
    assert (again.returncode, again.stderr) == (0, "")
    assert "pytorch raises ran in" in again.stdout and "index" not in again.stdout
    assert "no notebook failed" in run(root, "--failed", "--only", "raises").stdout


def test_an_object_without_a_text_form(make_book):
    code = "class Mute:\n    def __repr__(self):\n        raise ValueError('no text')\n\nMute()"
    last = "from IPython.display import display\ndisplay(Mute())\nprint('goes on')"
    root = make_book(
        {
            "config.ini": ONE_TAB,
            "index.md": cells(code),
            "shown.md": cells(code.removesuffix("\n\nMute()"), last),
        }
    )
    done = run(root)
    assert "index.md:6: ValueError: no text (cell 1 of the pytorch notebook)" in done.stderr
    assert "1 error\n" in done.stderr
    outputs = record(root, "shown").cells[-1].outputs
    assert "no text" in json.dumps(outputs) and outputs[-1].text == "goes on\n"


def kernel(folder: Path, name: str, code: str) -> None:
    """A kernel of this Python that runs some code instead of being one."""
    spec = {"argv": [sys.executable, "-c", code, "{connection_file}"], "language": "python"}
    file = folder / "kernels" / name / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**spec, "display_name": name}))


def test_kernels_that_do_not_start(make_book, tmp_path):
    tabs = "sleeping, dying, missing, fine"
    kernel(tmp_path / "jupyter", "asleep", "import time; time.sleep(600)")
    kernel(tmp_path / "jupyter", "dead", "raise SystemExit('this environment is broken')")
    config = ONE_TAB.replace("tabs = pytorch", f"tabs = {tabs}")
    config += "[kernels]\nsleeping = asleep\ndying = dead\nmissing = nowhere\n"
    config += "[bookc]\nstart_timeout = 3\n"
    page = "# Page\n\n```{.python .input}\n#@tab all\nprint('fine')\n```\n"
    root = make_book({"config.ini": config, "index.md": page})
    done = run(root, env={**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter")})
    assert done.returncode == 1
    start = "index.md:5: the kernel did not start: Kernel"
    assert f"{start} didn't respond in 3 seconds (cell 1 of the sleeping notebook)" in done.stderr
    assert f"{start} died before replying to kernel_info (cell 1 of the dying" in done.stderr
    assert "this environment is broken" in done.stderr
    assert "config.ini: tab missing: no kernel 'nowhere' (known: asleep, dead, " in done.stderr
    assert "-m ipykernel install --user --name nowhere" in done.stderr
    assert record(root, "index", "fine").cells[1].outputs[0].text == "fine\n"


def test_a_disk_that_is_full_while_a_notebook_is_recorded(make_book):
    """The system lets this process, as on a full disk, write no more than so many bytes."""
    page = cells("import hashlib\nprint(''.join(hashlib.sha256(bytes([n % 256, n // 256]))"
                 ".hexdigest() for n in range(9999)))")  # fmt: skip
    root = make_book(
        {
            "config.ini": ONE_TAB,
            "index.md": page,
            "small.md": cells("print('small')"),
            "notebooks/pytorch/index.ipynb": EARLIER,
        }
    )

    def allow_little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = run(root, preexec_fn=allow_little)
    assert done.returncode == 1
    assert "index.md: ran, but cannot be recorded: " in done.stderr
    assert "File too large" in done.stderr and "(the pytorch notebook)" in done.stderr
    assert record(root, "small").cells[1].outputs[0].text == "small\n"
    assert [file.name for file in sorted((root / "notebooks/pytorch").iterdir())] == [
        "index.ipynb", "requirements.txt", "small.ipynb"
    ]  # fmt: skip
    assert (root / "notebooks/pytorch/index.ipynb").read_text() == EARLIER


def obey_permissions() -> None:
    """Let root, too, write only where permissions allow."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(UNWRITABLE_FOR_ROOT, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.mark.parametrize("folder", ["notebooks/pytorch", "_build/stamps"])
def test_folders_that_cannot_be_written(make_book, folder):
    root = make_book({"config.ini": ONE_TAB, "index.md": cells("print('fine')")})
    place = root / folder
    place.mkdir(parents=True)
    place.chmod(0o500)
    done = run(root, preexec_fn=obey_permissions)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Permission denied" in done.stderr and str(place) in done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("text", ['{"cells": [', "not JSON", "[]", '{"cells": 3}'])
def test_a_damaged_record_is_told_and_made_anew(make_book, text):
    files = {"config.ini": ONE_TAB, "index.md": cells("print('fine')")}
    root = make_book({**files, "notebooks/pytorch/index.ipynb": text})
    shown = subprocess.run(
        [sys.executable, "-m", "bookc", "status", "--book", root], capture_output=True, text=True
    )
    assert shown.returncode == 1 and "1 stale" in shown.stdout
    assert run(root).returncode == 0
    assert record(root, "index").cells[1].outputs[0].text == "fine\n"


@pytest.mark.parametrize("seconds", [0.4, 0.9, 1.4, 2.0, 2.6])
def test_ctrl_c_at_any_moment(make_book, files_below, seconds):
    root = make_book(
        {
            "config.ini": ONE_TAB,
            **{f"{name}.md": cells("import time\ntime.sleep(0.3)") for name in ("index", "a", "b")},
            **{f"notebooks/pytorch/{n}.ipynb": EARLIER for n in ("index", "a", "b")},
        }
    )
    process = subprocess.Popen(
        [*COMMAND, root], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(seconds)
    kernels = kernels_of(process.pid) if process.poll() is None else []
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # 130, or -SIGINT before Python itself has started
    assert process.returncode in (130, -signal.SIGINT) and "Traceback" not in errors
    assert not any(kernel.is_running() for kernel in kernels)
    for name in ("index", "a", "b"):
        text = (root / f"notebooks/pytorch/{name}.ipynb").read_text()
        assert text == EARLIER or json.loads(text)["cells"]
    left = [file for file in files_below(root / "notebooks") if not str(file).endswith("ipynb")]
    assert all("requirements.txt" in str(file) for file in left)
