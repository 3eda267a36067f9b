"""One `bookc execute` at a time on a book: a second one waits, and runs what is then left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from bookc.config import Config
from bookc.stamps import STAMPS


@contextlib.contextmanager
def alone(config: Config, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a book's lock; it is free again when the process ends, however it ends.

    Args:
        waiting: is called if another process holds it.
    """
    file = config.output_dir / STAMPS / "execute.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink():  # the lock would empty what it leads to
        file.unlink()
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
