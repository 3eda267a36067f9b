"""One `bookc execute` at a time on a book: a second one waits, and runs what is then left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from bookc.config import Config
from bookc.stamps import STAMPS


@contextlib.contextmanager
def alone(config: Config, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold a book's lock; it is free again when the process ends, however it ends.

    Args:
        waiting: is called if another process holds it.

    Yields:
        Whether it had to wait: what was to be done may be done.
    """
    file = config.output_dir / STAMPS / "execute.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink():  # the lock would empty what it leads to
        file.unlink()
    lock = FileLock(file)
    waited = False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waited = True
        waiting()
        lock.acquire()
    try:
        yield waited
    finally:
        lock.release()
