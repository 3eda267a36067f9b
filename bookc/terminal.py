"""What a person sees at the terminal: the only place that prints, and that asks.

Results go to standard output, errors and questions to standard error.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bookc.problems import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from bookc.author.lint import Linted
    from bookc.author.sync import Choice, Question
    from bookc.run.environments import Environment
    from bookc.run.execute import Watcher
    from bookc.run.kernels import Result, Task
    from bookc.run.status import Status

PIPE = 200  # letters of a line of a table that nobody sees on a terminal
# What a terminal obeys instead of showing it: control letters, and those that turn the direction.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def say(line: str) -> None:
    """Tell a result."""
    print(visible(line), flush=True)


def complain(line: str) -> None:
    """Say what is wrong."""
    print(visible(line), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """A text whose letters a terminal shows, whoever wrote it: ESC is `\\x1b`."""
    return OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def show_problems(problems: Iterable[Problem]) -> None:
    """Show each problem once, in the order of files and lines, and how many there are."""
    ordered = sorted(dict.fromkeys(problems), key=lambda one: (one.path, one.line, one.column))
    for problem in ordered:
        complain(str(problem))
    warnings = sum(problem.warning for problem in ordered)
    for kind, count in (("error", len(ordered) - warnings), ("warning", warnings)):
        if count:
            complain(f"{count} {kind}{'s' * (count > 1)}")


@cache
def console() -> Console:
    """For progress, tables and colours; few commands need it, and it takes time to import."""
    from rich.console import Console

    # Plain text: rich would read `gan.md:100:` as an emoji and [x] as a style. What reads a pipe
    # has no narrow window.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE
    return Console(highlight=False, soft_wrap=True, emoji=False, markup=False, width=width)


@contextlib.contextmanager
def progress() -> Iterator[Watcher]:
    """Who shows how notebooks run: a live table at a terminal, else a line for each that ends."""
    if not console().is_terminal:
        yield _Lines()
        return
    from rich.live import Live

    table = _Table()
    with Live(get_renderable=table.drawn, console=console(), refresh_per_second=4):
        yield table


class _Lines:
    """Tells each notebook that has ended."""

    def begin(self, tasks: Sequence[Task]) -> None:
        self.left = len(tasks)

    def report(self, task: Task, done: int) -> None:
        pass

    def finished(self, result: Result) -> None:
        self.left -= 1
        expected = f" ({_span(result.task.seconds)} expected)" if result.task.seconds else ""
        ended = "failed after" if result.failure else "ran in"
        say(f"{result.task.name} {ended} {_span(result.seconds)}{expected}, {self.left} left")


class _Table:
    """What runs now with its cell and its times, and how many wait."""

    def begin(self, tasks: Sequence[Task]) -> None:
        self.waiting = len(tasks)
        self.ended = self.failed = 0
        self.running: dict[str, tuple[Task, int, float]] = {}

    def report(self, task: Task, done: int) -> None:
        if task.name not in self.running:
            self.waiting -= 1
        *_, begun = self.running.get(task.name, (0, 0, time.monotonic()))
        self.running[task.name] = task, done, begun

    def finished(self, result: Result) -> None:
        if self.running.pop(result.task.name, None) is None:
            self.waiting -= 1
        self.ended += 1
        self.failed += result.failure is not None

    def drawn(self) -> RichTable:
        from rich.table import Table

        if not hasattr(self, "running"):
            return Table()
        table = Table("runs now", "cell", "elapsed", "expected", box=None)
        for task, done, begun in list(self.running.values()):
            cells = f"{done} of {len(task.code)}"
            expected = _span(task.seconds) if task.seconds else "-"
            table.add_row(visible(task.name), cells, _span(time.monotonic() - begun), expected)
        table.caption = f"{self.ended} ended, {self.failed} of them failed; {self.waiting} wait"
        return table


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def show_results(results: Sequence[Result]) -> None:
    """Show a table of how notebooks ran, and each failure with its code and traceback."""
    from rich.table import Table

    table = Table("notebook", "result", "seconds", "memory", "device")
    for result in results:
        ended = "failed" if result.failure else "ok"
        held = f"{result.memory / 1e9:.1f} GB"
        table.add_row(
            visible(result.task.name), ended, f"{result.seconds:.1f}", held, result.device
        )
    console().print(table)
    for result in results:
        if result.failure is not None:
            complain(f"--- {result.task.name}: {result.failure.problem}")
            complain(f"{result.failure.source}\n\n{result.failure.traceback}")


def show_statuses(statuses: Sequence[Status]) -> None:
    """Show a table of the notebooks, with what makes their outputs stale."""
    from rich.table import Table

    table = Table()
    for name in ("section", "framework", "outputs", "last run", "device"):
        table.add_column(name, overflow="fold")
    for one in statuses:
        tab, path = one.section
        why = "; ".join(one.reasons) or "fresh"
        ended = ("failed after " if one.failed else "") + _span(one.seconds)
        last = ended if one.seconds or one.failed else "-"
        table.add_row(visible(path), tab, visible(why), last, visible(one.device) or "-")
    console().print(table)
    stale = sum(not one.is_fresh for one in statuses)
    say(f"{len(statuses)} notebooks, {stale} stale" + (": bookc execute" if stale else ""))


def show_kernels(
    environments: Mapping[str, Environment], versions: Mapping[str, Mapping[str, str]]
) -> None:
    """Show a table of the tabs, with the kernel of each and what it would run with."""
    from rich.table import Table

    table = Table("tab", "kernel", "Python", "framework")
    for tab, here in environments.items():
        found = ", ".join(f"{module} {version}" for module, version in versions[tab].items())
        table.add_row(tab, here.kernel, here.python or "-", found or "-")
    console().print(table)


def show_notes(lines: Iterable[str]) -> None:
    """Show what is worth to know and keeps nothing from working."""
    for line in lines:
        console().print(visible(line), style="yellow")


def show_findings(problems: Sequence[Problem], root: Path, format: str) -> None:
    """Show problems to a program; their paths are relative to the working folder.

    Args:
        format: `json`, or `github` for GitHub's workflow commands.
    """
    findings = [
        {
            "path": Path(os.path.relpath(root / problem.path)).as_posix(),
            "line": problem.line,
            "column": problem.column,
            "message": problem.message,
        }
        for problem in problems
    ]
    if format == "json":
        say(json.dumps(findings, indent=2))
        return
    for finding in findings:
        place = f"file={_escaped(str(finding['path']), ':,')}"
        place += f",line={finding['line']}" if finding["line"] else ""
        place += f",col={finding['column']}" if finding["column"] else ""
        say(f"::error {place}::{_escaped(str(finding['message']), '')}")


def _escaped(text: str, more: str) -> str:
    text = visible(text)
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def show_coverage(linted: Linted) -> None:
    """Show how many code cells each section has for each tab, and the places that lack some."""
    from rich.table import Table

    tabs = list(linted.chapters[0][1]) if linted.chapters else []
    table = Table("code cells of", *tabs)
    for chapter, counts in linted.chapters:
        if any(counts.values()):
            table.add_row(visible(chapter.path), *(str(counts[tab] or "-") for tab in tabs))
    console().print(table)
    for gap in linted.gaps:
        say(f"{gap.file}:{gap.line}: no code for {', '.join(gap.tabs)} here")


def ask_for_whom(question: Question) -> Choice | None:
    """Ask for whom a change shall be; None where nobody sits at the terminal."""
    if not sys.stdin.isatty():
        return None
    for line in difflib.unified_diff(
        question.before.splitlines(), question.after.splitlines(), n=1, lineterm=""
    ):
        if not line.startswith(("---", "+++")):
            complain(line)
    seen = ", ".join(question.others)
    complain(f"{question.file}:{question.line}: {question.what}; {seen} would see it, too.")
    answers: dict[str, Choice | None] = {"a": "all", "s": "split", "q": None}
    while (answer := input(f"for [a]ll, for {question.tab} alone [s], or [q]uit? ")) not in answers:
        pass
    return answers[answer]
