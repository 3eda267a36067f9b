"""Build -> its executed notebooks, on the workers of a Dask cluster instead of this machine alone.

A worker has bookc and the frameworks. It is sent a notebook, the book's resources and its library.
If it dies, Dask gives the notebook to another worker. What ran is recorded here, where the book is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import logging
import os
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import distributed

from bookc import files
from bookc.book import TabSection
from bookc.config import Config
from bookc.notebook.file import nbformat, notebook_text
from bookc.problems import BookError, Problem
from bookc.run.environments import environment, imported_modules
from bookc.run.execute import Finished, Runner, Watcher, kernel_environment, longest_first
from bookc.run.kernels import Failure, Limits, Provenance, Report, Result, Task, run_notebook
from bookc.run.requirements import pinned
from bookc.run.tidy import tidy

GPU = "GPU"  # how Dask's documents call this resource of a worker
TOPIC = "bookc"  # of the messages in which workers tell how far they are
WAIT = 30  # seconds for a scheduler to answer and for a first worker
CHECK = 1.0  # seconds between two looks whether a notebook is still wanted


@dataclasses.dataclass(frozen=True, slots=True)
class Shipment:
    """What a worker is sent of one notebook.

    Attributes:
        section: its tab and path.
        notebook: the text of its file.
        kernel: Jupyter's name for its kernel.
        framework: the module of the tab's framework; "" if it has none.
        imported: the modules that it imports.
    """

    section: TabSection
    notebook: str
    kernel: str
    framework: str
    imported: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Returned:
    """What a worker gives back: the executed notebook and the fields of its `Result`."""

    notebook: str
    seconds: float
    failure: Failure | None
    memory: int
    provenance: Provenance


def cluster_runner(config: Config, scheduler: str, workers: int = 0) -> Runner:
    """A runner that gives notebooks to a cluster.

    Args:
        scheduler: the address of one that runs: `tcp://HOST:8786`; or "".
        workers: how many to start on this machine instead.
    """

    def run(
        tasks: Sequence[Task], limits: Limits, watcher: Watcher, finished: Finished
    ) -> list[Result]:
        with _client(scheduler, workers) as client:
            return _run_all(config, client, tasks, limits, watcher, finished)

    return run


@contextlib.contextmanager
def _client(scheduler: str, workers: int) -> Iterator[distributed.Client]:
    """A connection to a cluster with at least one worker.

    Raises:
        BookError: no scheduler answers, or it has no worker.
    """
    with contextlib.ExitStack() as stack:
        try:
            if scheduler:
                client = distributed.Client(scheduler, timeout=WAIT, set_as_default=False)
            else:
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.ERROR,  # that a worker needed 4 s to end is no news
                )
                stack.enter_context(cluster)
                client = distributed.Client(cluster, set_as_default=False)
            stack.enter_context(client)
            client.wait_for_workers(1, timeout=WAIT)
        except (OSError, TimeoutError, ValueError) as error:
            name = f"--scheduler {scheduler}" if scheduler else "--workers"
            message = f"no scheduler with a worker answers there: {error}"
            raise BookError([Problem(name, 0, message)]) from None
        yield client


def _run_all(
    config: Config,
    client: distributed.Client,
    tasks: Sequence[Task],
    limits: Limits,
    watcher: Watcher,
    finished: Finished,
) -> list[Result]:
    by_name = {task.name: task for task in tasks}

    def hear(event: tuple[float, dict[str, Any]]) -> None:
        _, said = event
        if said["run"] == this_run:
            watcher.report(by_name[said["name"]], said["done"])

    this_run = uuid.uuid4().hex  # others may use the cluster, too
    waiting = longest_first(tasks)
    watcher.begin(waiting)
    archive = client.scatter(packed(config), broadcast=True)
    has_gpus = any(
        GPU in worker["resources"] for worker in client.scheduler_info(-1)["workers"].values()
    )
    client.subscribe_topic(TOPIC, hear)
    futures = {}
    for place, task in enumerate(waiting):
        tab, _ = task.section
        framework, _ = config.frameworks.get(tab, ("", ""))
        imported = tuple(imported_modules(config, tab))
        text = notebook_text(task.notebook)
        shipment = Shipment(task.section, text, task.kernel, framework, imported)
        future = client.submit(
            run_shipped,
            shipment,
            archive,
            limits,
            this_run,
            key=f"{task.name} {this_run}",
            priority=-place,
            resources={GPU: 1} if task.gpu and has_gpus else None,
            pure=False,
        )
        futures[future] = task
    ended: dict[TabSection, Result] = {}
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            task = futures[future]
            result = finished(_result(task, future, has_gpus))
            ended[task.section] = result
            watcher.finished(result)
            future.release()
    finally:
        client.cancel([future for future in futures if not future.done()])
        client.unsubscribe_topic(TOPIC)
    return [ended[task.section] for task in tasks]


def _result(task: Task, future: Any, has_gpus: bool) -> Result:
    if (error := future.exception()) is not None:
        about = task.code[0].metadata["bookc"]
        message = f"no worker ran it: {type(error).__name__}: {error}"
        message = f"{' '.join(message.split())} (the {task.section[0]} notebook)"
        return Result(task, 0.0, Failure(Problem(about["source"], about["line"], message), "", ""))
    returned: Returned = future.result()
    notebook = nbformat.reads(returned.notebook, as_version=4)
    return Result(
        dataclasses.replace(task, notebook=notebook),
        returned.seconds,
        returned.failure,
        returned.memory,
        "gpu" if task.gpu and has_gpus else "cpu",
        returned.provenance,
    )


def packed(config: Config) -> bytes:
    """A ZIP archive of what notebooks need beside themselves.

    Below `book` are the resources, as they stand beside notebooks, and below `library` is the
    package that they import.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files.resource_files(config):
            archive.write(file, f"book/{file.relative_to(config.source_dir).as_posix()}")
        if config.library:
            for file in sorted(config.library.rglob("*")):
                if file.is_file() and file.suffix != ".pyc" and files.is_own(config, file):
                    below = file.relative_to(config.library.parent).as_posix()
                    archive.write(file, f"library/{below}")
    return buffer.getvalue()


def run_shipped(shipment: Shipment, archive: bytes, limits: Limits, this_run: str) -> Returned:
    """Run a notebook; this is called on a worker."""
    worker = distributed.get_worker()
    notebook = nbformat.reads(shipment.notebook, as_version=4)
    with tempfile.TemporaryDirectory(dir=worker.local_directory) as name:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed_files:
            packed_files.extractall(name)  # which keeps names within the folder
        folder = Path(name, "book", PurePosixPath(shipment.section[1]).parent)
        folder.mkdir(parents=True, exist_ok=True)
        task = Task(shipment.section, notebook, folder, shipment.kernel)
        library = str(Path(name, "library"))
        path = os.pathsep.join([library, *filter(None, [os.environ.get("PYTHONPATH")])])
        variables = kernel_environment() | {"PYTHONPATH": path}

        def report(task: Task, done: int) -> None:
            worker.log_event(TOPIC, {"run": this_run, "name": task.name, "done": done})

        result = asyncio.run(_until_cancelled(task, limits, variables, report))
        here = environment(shipment.kernel)
        version = here.version(shipment.framework)
        versions = {shipment.framework: version} if version else {}
        provenance = Provenance(versions, pinned(shipment.imported, here))
        tidy(notebook, [name, *here.path, str(Path.home())])
    text = notebook_text(notebook, check=False)
    return Returned(text, result.seconds, result.failure, result.memory, provenance)


async def _until_cancelled(
    task: Task, limits: Limits, variables: dict[str, str], report: Report
) -> Result:
    """Run a notebook, but stop when nobody waits for it any more."""
    worker = distributed.get_worker()
    key = worker.get_current_task()
    running = asyncio.ensure_future(run_notebook(task, limits, variables, report))
    while not running.done():
        await asyncio.wait([running], timeout=CHECK)
        known = worker.state.tasks.get(key)
        if known is None or known.state == "cancelled":
            running.cancel()
    return await running
