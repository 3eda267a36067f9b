"""A plugin beside nbval: where a cell says so, numbers near the recorded ones count as equal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")


def pytest_configure(config: pytest.Config) -> None:
    """Compare near numbers first; nbval compares what is left."""
    from nbval.plugin import IPyNbCell

    strict = IPyNbCell.compare_outputs

    def compare(cell: Any, new: Sequence[Any], old: Sequence[Any], *args: Any) -> bool:
        tolerance = cell.cell.metadata.get("bookc", {}).get("tolerance", 0.0)
        if tolerance and len(new) == len(old):
            new = [settled(*pair, tolerance) for pair in zip(new, old, strict=True)]
        return bool(strict(cell, new, old, *args))

    IPyNbCell.compare_outputs = compare


def settled(new: Mapping[str, Any], old: Mapping[str, Any], tolerance: float) -> Any:
    """A new output with the recorded numbers in place of those that are near them."""
    result: Any = deepcopy(new)
    if isinstance(new.get("text"), str) and isinstance(old.get("text"), str):
        result["text"] = settled_text(new["text"], old["text"], tolerance)
    plain, recorded = (one.get("data", {}).get("text/plain") for one in (new, old))
    if isinstance(plain, str) and isinstance(recorded, str):
        result["data"]["text/plain"] = settled_text(plain, recorded, tolerance)
    return result


def settled_text(new: str, old: str, tolerance: float) -> str:
    """The recorded text, if only its numbers differ and each is near; else the new one.

    Near: no farther than `tolerance` times the recorded number, or times 1 if that is less.
    """
    if NUMBER.sub("#", new).split() != NUMBER.sub("#", old).split():
        return new
    numbers = zip(NUMBER.findall(new), NUMBER.findall(old), strict=True)
    for a, b in ((float(one), float(other)) for one, other in numbers):
        if not abs(a - b) <= tolerance * max(1.0, abs(b)):
            return new
    return old
