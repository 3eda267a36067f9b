"""What this machine has for notebooks: cores, memory, GPUs; and what a process takes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")  # where Linux says what a container may use


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int:
    """Bytes that can still be taken: of the machine, or of the container."""
    free: int = psutil.virtual_memory().available
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, int(limit) - used) if limit.isdigit() else free


def gpus() -> tuple[str, ...]:
    """The GPUs that kernels may use, as CUDA_VISIBLE_DEVICES names them."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(name for name in chosen.split(",") if name.strip() not in ("", "-1"))
    if not (program := shutil.which("nvidia-smi")):
        return ()
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(run.stdout.split())


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, as far as they still run."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def memory_of(processes: list[psutil.Process]) -> int:
    """Bytes of memory that processes hold."""
    held = 0
    for process in processes:
        try:
            held += process.memory_info().rss
        except psutil.Error:  # it has ended since
            continue
    return held


def marked(name: str, value: str) -> list[psutil.Process]:
    """The processes that have an environment variable of this value, whoever started them."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process)
        except (psutil.Error, OSError):  # it has ended, or is another user's
            continue
    return found


def kill(processes: list[psutil.Process]) -> None:
    """End processes, whatever they do."""
    for process in processes:
        try:
            process.kill()  # psutil knows a process that has the number of one that ended
        except psutil.Error:
            continue
