"""Timer and Accumulator. Each framework's module says how to wait and how to read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np


class Timer:
    """Record run times in seconds; the clock starts when the timer is made.

    Devices work on after a call has returned, so the timer waits for them before it
    reads the clock. As a context manager it times the block:

        with Timer() as timer:
            work()
        timer.sum()

    Attributes:
        times: the seconds recorded so far.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def wait(self) -> None:
        """Block until the devices have finished; here there is none to wait for."""

    def start(self) -> None:
        """Start the clock, or start it again."""
        self.wait()
        self._start = time.perf_counter()

    def stop(self) -> float:
        """Record and return the seconds since the last start."""
        self.wait()
        self.times.append(time.perf_counter() - self._start)
        return self.times[-1]

    def avg(self) -> float:
        """The mean of the recorded times in seconds.

        Raises:
            ValueError: nothing was recorded.
        """
        if not self.times:
            raise ValueError("no time is recorded yet: call stop() first")
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """The sum of the recorded times in seconds."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """The running totals of the recorded times in seconds."""
        totals, total = [], 0.0
        for seconds in self.times:
            total += seconds
            totals.append(total)
        return totals

    def __enter__(self) -> Timer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


class Accumulator:
    """Sums over `n` quantities, such as loss, correct predictions and examples.

    Tensors are kept as they are until a sum is read, so that adding one does not make
    the program wait for the device. Sums are held in double precision.
    """

    # So many tensors are kept before they are read on the way: a bound on memory.
    _limit = 4096

    def __init__(self, n: int) -> None:
        """
        Args:
            n: how many sums.
        """
        self._sums = [0.0] * n
        self._pending: list[list[Any]] = [[] for _ in range(n)]

    def _hold(self, value: Any) -> Any:
        """A copy of `value`, without axes and gradient, that later changes do not touch."""
        return np.array(value, dtype=np.float64).reshape(())

    def _read(self, values: Sequence[Any]) -> Sequence[float]:
        """The numbers in `values`, tensors of one element each."""
        return [float(value) for value in values]

    def add(self, *args: Any) -> None:
        """Add one number, or tensor of one element, to each sum.

        Raises:
            ValueError: there are more or fewer values than sums, or one has several elements.
        """
        if len(args) != len(self._sums):
            raise ValueError(f"expected {len(self._sums)} values, got {len(args)}")
        for i, value in enumerate(args):
            size = 1
            for length in getattr(value, "shape", ()):
                size *= int(length)
            if size != 1:
                raise ValueError(
                    f"value {i} has shape {tuple(value.shape)}; reduce it to one number first"
                )
        for i, value in enumerate(args):
            if hasattr(value, "shape"):
                self._pending[i].append(self._hold(value))
                if len(self._pending[i]) >= self._limit:
                    self._flush(i)
            else:
                self._sums[i] += float(value)

    def _flush(self, i: int) -> None:
        if self._pending[i]:
            self._sums[i] += sum(self._read(self._pending[i]))
            self._pending[i] = []

    def reset(self) -> None:
        """Set every sum to zero."""
        self.__init__(len(self._sums))  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._sums)

    def __getitem__(self, i: int) -> float:
        """Sum `i`, as a float."""
        self._flush(i)
        return self._sums[i]
