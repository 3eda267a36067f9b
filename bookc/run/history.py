"""How notebooks ran on this machine: a file among the stamps, by tab and section.

It says what to run first, how much memory to keep free, and what failed. A record says how long its
own notebook ran, so that a fresh clone knows that too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from bookc import disk
from bookc.book import TabSection
from bookc.config import Config
from bookc.run.record import amount
from bookc.stamps import HISTORY, STAMPS


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a notebook.

    Attributes:
        seconds: how long it ran.
        memory: the most bytes that its processes held at once.
        device: `cpu`, or the GPU that it had: `gpu 0`.
        failed: whether it did not run to its end.
    """

    seconds: float
    memory: int
    device: str
    failed: bool


History = Mapping[TabSection, Run]


def read_history(config: Config) -> History:
    """The last run of each notebook; of a file that is no history, nothing."""
    try:
        said = json.loads((config.output_dir / STAMPS / HISTORY).read_text(encoding="utf-8"))
        return {
            (tab, path): Run(
                amount(one["seconds"]),
                int(amount(one["memory"])),
                str(one["device"]),
                bool(one["failed"]),
            )
            for tab, sections in said.items()
            for path, one in sections.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def write_history(config: Config, history: History) -> None:
    """Write how all notebooks ran last."""
    said: dict[str, dict[str, object]] = {}
    for (tab, path), run in history.items():
        said.setdefault(tab, {})[path] = asdict(run)
    text = json.dumps(said, sort_keys=True, indent=1)
    disk.write_file(config.output_dir / STAMPS / HISTORY, text + "\n")


def failed_runs(history: History) -> set[TabSection]:
    """The notebooks whose last run failed."""
    return {section for section, run in history.items() if run.failed}


def mean_memory(runs: Iterable[Run]) -> int:
    """What to expect of a notebook that never ran: the mean of the others, or 1 GB."""
    held = [run.memory for run in runs if run.memory]
    return sum(held) // len(held) if held else 1_000_000_000
