"""Notebooks -> executed notebooks: nbclient runs several at a time, each in its own kernel."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async

from bookc import disk, files
from bookc.book import Build
from bookc.notebook.file import NotebookNode, notebook_text
from bookc.notebook.notebook import source_line
from bookc.problems import Problem
from bookc.run.record import framework_version, tag_varying
from bookc.run.recorder import LIMIT, Recorder
from bookc.run.requirements import LOCK, pinned
from bookc.stamps import claim
from bookc.up_to_date import folder_list

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# IPython names a cell by its execution count: `Cell In[3], line 2`.
CELL_LINE = re.compile(r"Cell In\s?\[(\d+)\], line (\d+)")


@dataclass(frozen=True, slots=True)
class Task:
    """One notebook to run.

    Attributes:
        name: what its progress line says: `pytorch game/gan`.
        notebook: compiled; it is executed in place.
        folder: working directory of the kernel.
    """

    name: str
    notebook: NotebookNode
    folder: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a notebook stopped: where in the Markdown, the cell's code, IPython's traceback."""

    problem: Problem
    source: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a task ended; `failure` is None when every cell ran."""

    task: Task
    seconds: float
    failure: Failure | None


Report = Callable[[Task, int, int], None]
Finished = Callable[[Result], None]


def execute(
    tasks: Iterable[Task],
    jobs: int,
    timeout: int,
    report: Report,
    finished: Finished,
    limit: int = LIMIT,
) -> list[Result]:
    """Run notebooks, `jobs` at a time, each in a kernel of its own.

    A failing notebook does not stop the others. On KeyboardInterrupt every kernel is shut down
    before the exception goes on.

    Args:
        timeout: seconds that one cell may take.
        report: called with the task, the code cells done and all its code cells.
        finished: called with each result as soon as it is there.
        limit: letters that are kept of the outputs of a cell.
    """
    # The event loop lives in a thread of its own: nbclient then leaves the signal handlers
    # alone, and Ctrl-C reaches this thread, which cancels the loop's work and waits for it.
    loops: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()
    thread = threading.Thread(target=_run_loop, args=(loops,), daemon=True)
    thread.start()
    loop = loops.get()
    future = asyncio.run_coroutine_threadsafe(
        _run_all(tasks, jobs, timeout, report, finished, limit), loop
    )
    try:
        # A signal that arrives just before the wait, or in another thread, does not end it; it is
        # seen when the wait ends by itself.
        while not future.done():
            concurrent.futures.wait([future], timeout=0.2)
        return future.result()
    except BaseException:
        future.cancel()
        asyncio.run_coroutine_threadsafe(_others_done(), loop).result()
        raise
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _run_loop(loops: queue.SimpleQueue[asyncio.AbstractEventLoop]) -> None:
    """Make an event loop, hand it over and run it until it is stopped."""
    loop = asyncio.new_event_loop()  # here, where no signal can leave it half made
    loops.put(loop)
    loop.run_forever()
    loop.close()


def kernel_environment(jobs: int) -> dict[str, str]:
    """Environment variables for kernels of which `jobs` run side by side.

    Frameworks take every core they see, so side by side they would wait for each other. A
    notebook that runs alone chooses for itself, and so does who sets OMP_NUM_THREADS.
    """
    if jobs == 1:
        return dict(os.environ)
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs)), **os.environ}


async def _others_done() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


async def _run_all(
    tasks: Iterable[Task],
    jobs: int,
    timeout: int,
    report: Report,
    finished: Finished,
    limit: int,
) -> list[Result]:
    places = asyncio.Semaphore(jobs)
    # A record is rendered on light and dark pages: d2l_shim then draws its figures for both.
    environment = kernel_environment(jobs) | {"D2L_DARK": "1"}

    async def run(task: Task) -> Result:
        async with places:
            result = await _run(task, timeout, environment, report, limit)
        finished(result)
        return result

    return list(await asyncio.gather(*(run(task) for task in tasks)))


async def _run(
    task: Task, timeout: int, environment: dict[str, str], report: Report, limit: int
) -> Result:
    code = [cell for cell in task.notebook.cells if cell.cell_type == "code"]
    started: list[NotebookNode] = []

    def on_start(cell: NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "code":
            report(task, len(started), len(code))
            started.append(cell)

    def on_executed(cell: NotebookNode, **_: object) -> None:
        client.finish(cell)

    client = Recorder(
        task.notebook,
        limit,
        timeout=timeout,
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
    failure = None
    try:
        await client.async_execute(env=environment, stderr=subprocess.DEVNULL)
        report(task, len(code), len(code))
    except CellExecutionError as error:
        raised = [o for o in started[-1].outputs if o.output_type == "error"][-1:]
        traceback = "\n".join(line for output in raised for line in output.traceback)
        failure = _explain(started[-1], f"{error.ename}: {error.evalue}", traceback)
    except CellTimeoutError:
        failure = _explain(started[-1], f"still running after {timeout} s: stopped", "")
    except DeadKernelError:
        failure = _explain(started[-1], "the kernel died (out of memory?)", "")
    except RuntimeError as error:  # nbclient's word for a kernel that never answered
        failure = _explain((started or code)[-1], str(error), "")
    finally:
        # Cancelled while its kernel was starting, nbclient has not yet taken charge of it, and
        # would look for it when Python ends.
        atexit.unregister(client._cleanup_kernel)
        if client.km is not None and client.km.has_kernel:
            await ensure_async(client.km.shutdown_kernel(now=True))
    return Result(task, time.monotonic() - begin, failure)


def _explain(cell: NotebookNode, message: str, traceback: str) -> Failure:
    plain = ANSI.sub("", traceback)
    lines = [
        int(line)
        for count, line in CELL_LINE.findall(plain)
        if cell.execution_count is None or int(count) == cell.execution_count
    ]
    line = source_line(cell, lines[-1] if lines else 1)
    first = message.strip().split("\n")[0]
    return Failure(Problem(cell.metadata["bookc"]["source"], line, first), cell.source, plain)


def execute_book(build: Build, folder: Path, jobs: int, report: Report) -> list[Result]:
    """Run a build's notebooks and write each below `folder` as soon as it ran to its end.

    Beside those of a tab, pip's requirements say with what they ran.
    """
    config = build.config
    place = config.output_dir / "notebooks"
    tasks = []
    targets = {}
    copies = files.resource_copies(config, build.tabs)
    claim(folder_list(config, place), place, copies)
    files.copy_resources(config, [place / tab for tab in build.tabs])
    for (tab, path), notebook in build.notebooks.items():
        working = (place / tab / path).parent
        working.mkdir(parents=True, exist_ok=True)
        tasks.append(Task(f"{tab} {path}", notebook, working))
        targets[tasks[-1].name] = folder / tab / f"{path}.ipynb"

    def write(result: Result) -> None:
        if result.failure is None:
            notebook = result.task.notebook
            about = notebook.metadata["bookc"]
            about["versions"] = framework_version(config, about["tab"])
            about["seconds"] = round(result.seconds, 1)
            tag_varying(notebook)
            disk.write_file(targets[result.task.name], notebook_text(notebook))

    results = execute(tasks, jobs, config.timeout, report, write, config.output_limit)
    for tab in build.tabs:
        if any(
            r.failure is None and targets[r.task.name].is_relative_to(folder / tab) for r in results
        ):
            module, _ = config.frameworks.get(tab, ("", ""))
            imported = [module, config.library.name if config.library else ""]
            disk.write_file(folder / tab / LOCK, pinned(imported))
    return results
