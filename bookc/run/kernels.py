"""Notebook -> executed notebook, in a kernel of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import re
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async

from bookc.notebook.file import NotebookNode, code_cells
from bookc.notebook.notebook import source_line
from bookc.problems import Problem
from bookc.run import machine
from bookc.run.environments import NATIVE
from bookc.run.marks import marked_for_nbclient
from bookc.run.recorder import LIMIT, Recorder
from bookc.run.tidy import ANSI

# IPython names a cell by its execution count: `Cell In[3], line 2`.
CELL_LINE = re.compile(r"Cell In\s?\[(\d+)\], line (\d+)")
MARK = "BOOKC_NOTEBOOK"  # the variable by which processes of a notebook are known
SAMPLE = 0.5  # seconds between two looks at what a kernel holds
LAST_WORDS = 4000  # bytes of what a kernel that dies has said


@dataclass(frozen=True, slots=True)
class Limits:
    """What a notebook may take.

    Attributes:
        cell, notebook, start: seconds for one cell, for all, and until the kernel answers.
        output: letters that are kept of the outputs of a cell.
    """

    cell: int
    notebook: int = 14400
    start: int = 60
    output: int = LIMIT


@dataclass(frozen=True, slots=True)
class Task:
    """One notebook to run.

    Attributes:
        section: its tab and path.
        notebook: compiled; it is executed in place.
        folder: working directory of the kernel.
        kernel: Jupyter's name for it.
        seconds: how long it took last time; 0 if that is not known.
        memory: the bytes that it is expected to need.
        gpu: whether it uses one.
    """

    section: tuple[str, str]
    notebook: NotebookNode
    folder: Path
    kernel: str = NATIVE
    seconds: float = 0.0
    memory: int = 0
    gpu: bool = False

    @property
    def name(self) -> str:
        """What its progress line says: `pytorch game/gan`."""
        return " ".join(self.section)

    @property
    def code(self) -> list[NotebookNode]:
        """Its code cells."""
        return code_cells(self.notebook)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a notebook stopped: where in the Markdown, the cell's code, IPython's traceback."""

    problem: Problem
    source: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """With what a notebook ran elsewhere.

    Attributes:
        versions: of the tab's framework: `{"torch": "2.13.0"}`.
        pins: pip's requirements for all that it needs.
    """

    versions: Mapping[str, str]
    pins: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a task ended.

    Attributes:
        failure: None when every cell ran.
        memory: the most bytes that its processes held at once.
        device: `cpu`, or `gpu 0`.
        provenance: None if it ran in this machine's environments.
    """

    task: Task
    seconds: float
    failure: Failure | None
    memory: int = 0
    device: str = "cpu"
    provenance: Provenance | None = None


class _TooLong(Exception):
    """A notebook takes more time than it may."""


class _Exit(Exception):
    """A cell called exit(), and there are others behind it."""


Report = Callable[[Task, int], None]  # a task, and how many of its code cells are done


@dataclass(slots=True)
class _Seen:
    """What was seen of a kernel while it ran."""

    process: Any = None  # Popen
    memory: int = 0

    def look(self, client: Recorder) -> None:
        provisioner = getattr(client.km, "provisioner", None)
        self.process = getattr(provisioner, "process", None) or self.process
        if self.process is not None:
            held = machine.memory_of(machine.family(self.process.pid))
            self.memory = max(self.memory, held)


async def run_notebook(
    task: Task, limits: Limits, environment: Mapping[str, str], report: Report
) -> Result:
    """Run a notebook's cells, up to the first that fails.

    Args:
        environment: the kernel's environment variables.
        report: called before each code cell and at the end.
    """
    code = task.code
    started: list[NotebookNode] = []

    def on_start(cell: NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "code":
            report(task, len(started))
            started.append(cell)

    def on_executed(cell: NotebookNode, execute_reply: dict[str, Any], **_: object) -> None:
        client.finish(cell)
        payload = execute_reply["content"].get("payload", ())
        if any(one.get("source") == "ask_exit" for one in payload) and cell is not code[-1]:
            raise _Exit

    client = Recorder(
        task.notebook,
        limits.output,
        kernel_name=task.kernel,
        timeout=limits.cell,
        startup_timeout=limits.start,
        # What C++ libraries log about the machine belongs neither to the record nor to our
        # errors; what Python code writes to stderr is still an output.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        record_timing=False,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(task.folder)}},
        on_cell_start=on_start,
        on_cell_executed=on_executed,
    )
    begin = time.monotonic()
    mark = uuid.uuid4().hex
    seen = _Seen()
    failure = None

    def explain(message: str, traceback: str = "") -> Failure:
        """The failure of the cell that runs, or of the first if none was begun."""
        cell = started[-1] if started else code[0]
        return _explain(cell, task.section[0], code.index(cell) + 1, message, traceback)

    with tempfile.TemporaryFile() as words, marked_for_nbclient(task.notebook):
        watch = asyncio.create_task(_watch(client, seen))
        try:
            await _within(
                client.async_execute(env={**environment, MARK: mark}, stderr=words),
                limits.notebook,
            )
            report(task, len(code))
        except CellExecutionError as error:
            # Of an object that cannot be shown, only the output knows the error.
            raised = [one for one in started[-1].outputs if one.output_type == "error"]
            said = raised[-1] if raised else error
            failure = explain(f"{said.ename}: {said.evalue}", "\n".join(said.traceback))
        except CellTimeoutError:
            failure = explain(f"still running after {limits.cell} s: stopped")
        except _TooLong:
            failure = explain(f"the notebook is still running after {limits.notebook} s: stopped")
        except DeadKernelError:
            failure = explain(await _how_it_died(seen), _last_words(words))
        except RuntimeError as error:  # nbclient's word for a kernel that never answered
            failure = explain(f"the kernel did not start: {error}", _last_words(words))
        except _Exit:
            left = len(code) - len(started)
            failure = explain(f"exit() ends the notebook, and {left} cells are left")
        except Exception as error:  # a full disk, no such kernel: the other notebooks go on
            failure = explain(f"cannot be run: {type(error).__name__}: {error}")
        finally:
            watch.cancel()
            seen.look(client)
            # Cancelled while its kernel was starting, nbclient has not yet taken charge of it, and
            # would look for it when Python ends.
            atexit.unregister(client._cleanup_kernel)
            if client.km is not None and client.km.has_kernel:
                await ensure_async(client.km.shutdown_kernel(now=True))
            machine.kill(machine.marked(MARK, mark))  # what the notebook has started, too
    return Result(task, time.monotonic() - begin, failure, seen.memory)


async def _within(run: Coroutine[Any, Any, Any], seconds: float) -> None:
    """Await something for so long at most.

    Unlike asyncio.wait_for, this ends even if what it awaits overhears that it is cancelled, which
    nbclient does at the end of a cell.

    Raises:
        _TooLong: it takes longer.
    """
    task = asyncio.ensure_future(run)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise _TooLong
        task.result()
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=SAMPLE)
        if not task.cancelled():
            task.exception()  # which is told, or no longer of interest


async def _watch(client: Recorder, seen: _Seen) -> None:
    while True:
        seen.look(client)
        await asyncio.sleep(SAMPLE)


async def _how_it_died(seen: _Seen) -> str:
    status = None
    if seen.process is not None:
        for _ in range(20):  # the system may need a moment to tell
            if (status := seen.process.poll()) is not None:
                break
            await asyncio.sleep(0.05)
    held = f"it held {seen.memory / 1e9:.1f} GB"
    if status is None:
        return f"the kernel died; {held}"
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            why = ", as a system does that is out of memory" if name == "SIGKILL" else ""
            return f"the kernel was ended by {name}{why}; {held}"
    return f"the kernel ended by itself, with status {status}; {held}"


def _last_words(words: IO[bytes]) -> str:
    """The end of what a kernel wrote to its terminal."""
    words.seek(max(0, words.seek(0, 2) - LAST_WORDS))
    return words.read().decode(errors="replace")


def _explain(cell: NotebookNode, tab: str, number: int, message: str, traceback: str) -> Failure:
    plain = ANSI.sub("", traceback)
    lines = [
        int(line)
        for count, line in CELL_LINE.findall(plain)
        if cell.execution_count is None or int(count) == cell.execution_count
    ]
    line = source_line(cell, lines[-1] if lines else 1)
    first = message.strip().split("\n")[0].removesuffix(":")
    where = f" (cell {number} of the {tab} notebook)"
    return Failure(
        Problem(cell.metadata["bookc"]["source"], line, first + where), cell.source, plain
    )
