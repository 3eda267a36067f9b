"""How a device is chosen, for every framework: D2L_DEVICE, then a trial, then the CPU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

_failed: set[str] = set()


def cpu_only() -> bool:
    """Whether the environment variable D2L_DEVICE asks for the CPU.

    Raises:
        ValueError: it is set to something other than `cpu`.
    """
    value = os.environ.get("D2L_DEVICE", "")
    if value.lower() not in ("", "cpu"):
        raise ValueError(f"D2L_DEVICE is {value!r}; it can be 'cpu' or unset")
    return value != ""


def works(name: str, trial: Callable[[], object]) -> bool:
    """Whether `trial`, a small computation on the device called `name`, succeeds.

    A driver may list a device on which nothing runs (no kernel for its architecture, no
    memory left). Then this warns, once for each device, and says why.
    """
    if name in _failed:
        return False
    try:
        trial()
    except Exception as error:  # each framework raises errors of its own
        _failed.add(name)
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        warnings.warn(
            f"{name} is present but cannot run ({reason}); using the CPU",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    return True
