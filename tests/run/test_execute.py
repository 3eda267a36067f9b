"""What runs when: the longest first, no more than memory allows, one notebook on each GPU."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from test_kernels import ONE_TAB, cells, record

EXECUTE = [sys.executable, "-m", "bookc", "execute", "--book"]
NAMES = ("index", "a", "b")
LOG = """\
import os, time
{0}
def log(what):
    with open('../../../log', 'a') as file:
        file.write(f"{{what}} {1} {{os.environ.get('CUDA_VISIBLE_DEVICES', '-') or 'none'}}\\n")
log('begin')
time.sleep(1)
log('end')"""


@pytest.fixture
def run(make_book):
    """Execute a book of three notebooks that write when they begin and end; gives the log."""

    def execute(*words: str, history=(), code: str = "", **environment: str) -> list[list[str]]:
        files = {f"{name}.md": cells(LOG.format(code, name)) for name in NAMES}
        root = make_book({"config.ini": ONE_TAB, **files})
        if history:
            said = {"pytorch": {name: dict(about) for name, about in history}}
            file = root / "_build" / "stamps" / "runs"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(said))
        done = subprocess.run(
            [*EXECUTE, str(root), *words],
            capture_output=True, text=True, env={**os.environ, **environment}, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return [line.split() for line in (root / "log").read_text().splitlines()]

    return execute


def most_at_once(log: list[list[str]]) -> int:
    running = most = 0
    for what, *_ in log:
        running += 1 if what == "begin" else -1
        most = max(most, running)
    return most


def last_run(seconds: float, memory: int) -> dict[str, object]:
    return {"seconds": seconds, "memory": memory, "device": "cpu", "failed": False}


def test_the_longest_begins_first_and_what_never_ran_before_it(run):
    history = [("index", last_run(1, 10**8)), ("b", last_run(9, 10**8))]
    log = run("--jobs", "1", history=history)
    assert [name for what, name, _ in log if what == "begin"] == ["a", "b", "index"]


def test_no_more_at_a_time_than_memory_allows(run):
    history = [(name, last_run(1, 10**15)) for name in NAMES]
    assert most_at_once(run("--jobs", "3", history=history)) == 1


def test_a_gpu_for_each_notebook_that_uses_one(run):
    """The system has no GPU; which one a kernel may use says an environment variable."""
    code = "def try_gpu(i=0): return i\ntry_gpu(0)"
    log = run("--jobs", "3", code=code, CUDA_VISIBLE_DEVICES="4,7")
    assert most_at_once(log) == 2
    assert {gpu for *_, gpu in log} == {"4", "7"}
    held: dict[str, str] = {}
    for what, name, gpu in log:
        if what == "begin":
            assert gpu not in held.values()
            held[name] = gpu
        else:
            del held[name]


def test_what_uses_no_gpu_sees_none(run):
    log = run("--jobs", "2", CUDA_VISIBLE_DEVICES="4,7")
    assert {gpu for *_, gpu in log} == {"none"}


def test_kernels_side_by_side_share_the_cores(make_book):
    page = cells("import os\nprint(os.environ.get('OMP_NUM_THREADS', 'all'))")
    root = make_book({"config.ini": ONE_TAB, "index.md": page, "a.md": page})
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([*EXECUTE, str(root), "--jobs", "2"], env=environment, check=True)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert record(root, "a").cells[1].outputs[0].text == f"{share}\n"
    subprocess.run([*EXECUTE, str(root), "a"], env=environment, check=True)
    assert record(root, "a").cells[1].outputs[0].text == "all\n"


def test_a_terminal_shows_what_runs_now(make_book, tmp_path):
    page = cells("a = 1", "import time\ntime.sleep(1.5)")
    root = make_book({"config.ini": ONE_TAB, "index.md": page})
    shown = tmp_path / "shown"
    ours, theirs = pty.openpty()
    with subprocess.Popen([*EXECUTE, str(root)], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                if not (part := os.read(ours, 4096)):
                    break
            except OSError:  # Linux's word for the end of a terminal
                break
            text += part
        assert process.wait(60) == 0
    os.close(ours)
    Path(shown).write_bytes(text)
    seen = text.decode()
    assert "runs now" in seen and "elapsed" in seen and "expected" in seen
    assert "pytorch index" in seen and "1 of 2" in seen and "0 wait" in seen
