"""Notebooks run by real workers of Dask, over loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from test_kernels import ONE_TAB, cells, record

EXECUTE = [sys.executable, "-m", "bookc", "execute", "--book"]
LIBRARY = "[bookc]\nlibrary = my_library\n"
FILES = {
    "my_library/__init__.py": "from my_library.words import WORD\n",
    "my_library/words.py": "WORD = 'from the library'\n",
    "data/numbers.txt": "1 2 3\n",
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and some workers as processes; kill what is left of them at the end."""
    with ExitStack() as stack:
        address = f"tcp://127.0.0.1:{free_port()}"

        def begin(*words: str) -> subprocess.Popen:
            command = [sys.executable, "-m", *words]
            # A folder of their own, in which there is no book.
            (tmp_path / "workers").mkdir(exist_ok=True)
            process = subprocess.Popen(
                command, cwd=tmp_path / "workers", stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        def make(workers: int, *options: str) -> tuple[str, list[subprocess.Popen]]:
            port = address.rpartition(":")[2]
            begin("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port,
                  "--dashboard-address", "127.0.0.1:0")  # fmt: skip
            started = [
                begin("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny",
                      "--host", "127.0.0.1", "--no-dashboard", *options)
                for _ in range(workers)
            ]  # fmt: skip
            return address, started

        yield make


def test_a_worker_dies_half_way_and_everything_is_recorded_once(cluster, make_book, tmp_path):
    address, workers = cluster(2)
    log = tmp_path / "log"
    code = (
        "import os, time\nfrom my_library import WORD\n"
        f"open({str(log)!r}, 'a').write('{{0}} ' + str(os.getppid()) + '\\n')\n"
        "time.sleep(1.5)\n"
        "print(WORD, open('data/numbers.txt').read())"
    )
    names = ["index", "a", "b", "c", "d", "e"]
    root = make_book(
        {
            "config.ini": ONE_TAB.replace("[build]", "[build]\nresources = data/") + "" + LIBRARY,
            **FILES,
            **{f"{name}.md": cells(code.format(name), "raise_ = 1") for name in names},
            "fails.md": cells("a = 1", "1 / 0"),
        }
    )
    command = [*EXECUTE, str(root), "--scheduler", address]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    victim = workers[0].pid
    while not (log.exists() and f" {victim}\n" in log.read_text()):
        assert run.poll() is None and time.monotonic() < deadline, run.communicate()
        time.sleep(0.05)
    os.kill(victim, signal.SIGKILL)
    out, errors = run.communicate(timeout=120)
    assert run.returncode == 1
    assert "fails.md:8: ZeroDivisionError: division by zero (cell 2 of the pytorch" in errors
    assert "1 error\n" in errors and "Traceback (most recent call last)\nFile" not in errors
    begun = log.read_text().split("\n")[:-1]
    assert len(begun) == len(names) + 1  # one was begun twice
    for name in names:
        assert out.count(f"pytorch {name} ran in") == 1
        (output,) = record(root, name).cells[1].outputs
        assert output.text == "from the library 1 2 3\n\n"
    assert not (root / "notebooks/pytorch/fails.ipynb").exists()
    assert "ipykernel==" in (root / "notebooks/pytorch/requirements.txt").read_text()
    status = subprocess.run(
        [sys.executable, "-m", "bookc", "status", "--book", root], capture_output=True, text=True
    )
    assert "7 notebooks, 1 stale" in status.stdout


def test_gpu_notebooks_go_to_workers_that_have_one(cluster, make_book, tmp_path):
    """A worker says that it has a GPU; this machine need not have any."""
    address, _ = cluster(1, "--resources", "GPU=1", "--name", "with-gpu")
    page = cells("def try_gpu(): pass\n\ntry_gpu()")
    root = make_book({"config.ini": ONE_TAB, "index.md": page, "other.md": cells("1")})
    run = subprocess.run(
        [*EXECUTE, str(root), "--scheduler", address], capture_output=True, text=True, timeout=90
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert record(root, "index").metadata.bookc.device == "gpu"
    assert record(root, "other").metadata.bookc.device == "cpu"


def test_workers_of_this_machine(make_book):
    root = make_book({"config.ini": ONE_TAB, "index.md": cells("print(1)"), "b.md": cells("2")})
    run = subprocess.run(
        [*EXECUTE, str(root), "--workers", "2"], capture_output=True, text=True, timeout=90
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert record(root, "index").cells[1].outputs[0].text == "1\n"


def test_nobody_answers(make_book):
    root = make_book({"config.ini": ONE_TAB, "index.md": cells("1")})
    address = f"tcp://127.0.0.1:{free_port()}"
    run = subprocess.run(
        [*EXECUTE, str(root), "--scheduler", address], capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert f"--scheduler {address}: no scheduler with a worker answers there" in run.stderr
