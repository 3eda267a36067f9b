"""Build -> its executed notebooks: the longest first, as many at a time as the machine can hold."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bookc import disk, files
from bookc.book import Build, TabSection
from bookc.config import Config
from bookc.notebook.file import NotebookNode, code_cells, notebook_text
from bookc.problems import BookError, Problem
from bookc.run import machine
from bookc.run.environments import environment_of, framework_version, imported_modules
from bookc.run.history import History, Run, mean_memory, read_history, write_history
from bookc.run.kernels import Failure, Limits, Result, Task, run_notebook
from bookc.run.marks import mark_for_nbval
from bookc.run.record import record_file, record_of, seconds_of
from bookc.run.requirements import LOCK, pinned
from bookc.run.tidy import settle, tidy
from bookc.stamps import claim
from bookc.up_to_date import folder_list

# A record is rendered on light and dark pages: with this, d2l_shim draws its figures for both.
DARK = {"D2L_DARK": "1"}


class Watcher(Protocol):
    """Who is told how the notebooks run."""

    def begin(self, tasks: Sequence[Task]) -> None:
        """All that will run, in the order in which it begins."""

    def report(self, task: Task, done: int) -> None:
        """So many of a notebook's code cells are done."""

    def finished(self, result: Result) -> None:
        """A notebook ended, and is recorded if it ran to its end."""


Finished = Callable[[Result], Result]
Runner = Callable[[Sequence[Task], Limits, Watcher, Finished], list[Result]]


def local_runner(jobs: int) -> Runner:
    """A runner that has up to `jobs` kernels on this machine."""

    def run(
        tasks: Sequence[Task], limits: Limits, watcher: Watcher, finished: Finished
    ) -> list[Result]:
        with _event_loop() as loop:
            future = asyncio.run_coroutine_threadsafe(
                _run_all(tasks, jobs, limits, watcher, finished), loop
            )
            try:
                # A signal that arrives just before the wait, or in another thread, does not end
                # it; it is seen when the wait ends by itself.
                while not future.done():
                    concurrent.futures.wait([future], timeout=0.2)
                return future.result()
            except BaseException:
                future.cancel()
                asyncio.run_coroutine_threadsafe(_others_done(), loop).result()
                raise

    return run


@contextlib.contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own.

    nbclient then leaves the signal handlers alone, and Ctrl-C reaches this thread, which cancels
    the loop's work and waits for it.
    """
    loops: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()

    def run() -> None:
        loop = asyncio.new_event_loop()  # here, where no signal can leave it half made
        loops.put(loop)
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    loop = loops.get()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _others_done() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def kernel_environment(jobs: int = 1) -> dict[str, str]:
    """Environment variables for kernels of which `jobs` run side by side.

    Frameworks take every core they see, so side by side they would wait for each other. A
    notebook that runs alone chooses for itself, and so does who sets OMP_NUM_THREADS.
    """
    share = {} if jobs == 1 else {"OMP_NUM_THREADS": str(max(1, machine.cores() // jobs))}
    return {**share, **os.environ, **DARK}


async def _run_all(
    tasks: Sequence[Task], jobs: int, limits: Limits, watcher: Watcher, finished: Finished
) -> list[Result]:
    """Begin the first that fits whenever there is room, until all are done."""
    environment = kernel_environment(min(jobs, len(tasks)))
    gpus = machine.gpus()
    waiting = longest_first(tasks)
    watcher.begin(waiting)
    running: dict[asyncio.Task[Result], Task] = {}
    free_gpus = list(gpus)
    ended: dict[TabSection, Result] = {}

    async def run(task: Task, gpu: str) -> Result:
        own = environment | ({"CUDA_VISIBLE_DEVICES": gpu} if gpus else {})
        result = await run_notebook(task, limits, own, watcher.report)
        return dataclasses.replace(result, device=f"gpu {gpu}" if gpu else "cpu")

    def fits(task: Task) -> bool:
        if task.gpu and gpus and not free_gpus:
            return False
        # What the running ones have not yet taken is expected, too; one alone may always run.
        expected = task.memory + sum(other.memory for other in running.values())
        return not running or expected <= total_memory

    total_memory = machine.free_memory()
    try:
        while waiting or running:
            for task in list(waiting):
                if len(running) < jobs and fits(task):
                    waiting.remove(task)
                    gpu = free_gpus.pop(0) if task.gpu and free_gpus else ""
                    running[asyncio.create_task(run(task, gpu))] = task
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                task = running.pop(one)
                result = finished(one.result())
                if result.device != "cpu":
                    free_gpus.append(result.device.removeprefix("gpu "))
                ended[task.section] = result
                watcher.finished(result)
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return [ended[task.section] for task in tasks]


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Tasks in the order in which they begin; what never ran may be the longest."""
    return sorted(tasks, key=lambda task: -(task.seconds or float("inf")))


def limits_of(config: Config) -> Limits:
    """What config.ini lets a notebook take."""
    return Limits(
        config.timeout, config.notebook_timeout, config.start_timeout, config.output_limit
    )


def make_tasks(build: Build, history: History) -> list[Task]:
    """A task for each notebook of a build, with what is known of its last run."""
    config = build.config
    usual = mean_memory(history.values())
    tasks = []
    for (tab, path), notebook in build.notebooks.items():
        last = history.get((tab, path))
        code = [cell.source for cell in code_cells(notebook)]
        tasks.append(
            Task(
                (tab, path),
                notebook,
                (config.output_dir / "notebooks" / tab / path).parent,
                environment_of(config, tab).kernel,
                last.seconds if last else seconds_of(_record(config, tab, path)),
                last.memory if last and last.memory else usual,
                any(config.gpu_pattern.search(source) for source in code),
            )
        )
    return tasks


def execute_book(
    build: Build, folder: Path, runner: Runner, watcher: Watcher, *, record: bool = True
) -> list[Result]:
    """Run a build's notebooks and write each below `folder` as soon as it ran to its end.

    Beside those of a tab, pip's requirements say with what they ran.

    Args:
        record: whether the folder is the record, and the history is kept.
    """
    config = build.config
    place = config.output_dir / "notebooks"
    copies = files.resource_copies(config, build.tabs)
    claim(folder_list(config, place), place, copies)
    files.copy_resources(config, [place / tab for tab in build.tabs])
    history = dict(read_history(config))
    tasks = make_tasks(build, history)
    for task in tasks:
        task.folder.mkdir(parents=True, exist_ok=True)

    def finished(result: Result) -> Result:
        """Write what ran; a result that cannot be written is a failure of its own."""
        section = result.task.section
        if result.failure is None:
            try:
                file = folder / section[0] / f"{section[1]}.ipynb"
                _write(config, file, result)
            except OSError as error:
                result = dataclasses.replace(result, failure=_not_written(result.task, error))
        if record:
            failed = result.failure is not None
            history[section] = Run(round(result.seconds, 1), result.memory, result.device, failed)
            with contextlib.suppress(OSError):  # it is a help, and can be done without
                write_history(config, history)
        return result

    results = runner(tasks, limits_of(config), watcher, finished) if tasks else []
    for tab in build.tabs:
        ran = [one for one in results if one.failure is None and one.task.section[0] == tab]
        if ran:
            disk.write_file(folder / tab / LOCK, _pins(config, ran[-1]))
    return results


def _pins(config: Config, result: Result) -> str:
    """pip's requirements for what a notebook ran with, here or elsewhere."""
    if result.provenance is not None:
        return result.provenance.pins
    tab, _ = result.task.section
    return pinned(imported_modules(config, tab), environment_of(config, tab))


def _write(config: Config, file: Path, result: Result) -> None:
    notebook: NotebookNode = result.task.notebook
    tab, path = result.task.section
    about = notebook.metadata["bookc"]
    elsewhere = result.provenance
    about["versions"] = dict(elsewhere.versions) if elsewhere else framework_version(config, tab)
    about["device"] = result.device.split()[0]
    about["seconds"] = round(result.seconds, 1)
    tidy(notebook, places_of(config, tab))
    mark_for_nbval(notebook)
    if file == record_file(config, tab, path) and (earlier := _record(config, tab, path)):
        settle(notebook, earlier)
    disk.write_file(file, notebook_text(notebook))


def places_of(config: Config, tab: str) -> list[str]:
    """The folders of this machine that outputs may name."""
    places = [*environment_of(config, tab).path, str(config.root.resolve()), str(Path.home())]
    return [place for place in places if len(place) > 1]


def _record(config: Config, tab: str, path: str) -> NotebookNode | None:
    """The earlier record; None where it cannot be read, and is made anew."""
    try:
        return record_of(config, tab, path)
    except BookError:
        return None


def _not_written(task: Task, error: OSError) -> Failure:
    where: Mapping[str, str] = task.notebook.metadata["bookc"]
    message = f"ran, but cannot be recorded: {error} (the {task.section[0]} notebook)"
    return Failure(Problem(where["source"], 0, message), "", "")
