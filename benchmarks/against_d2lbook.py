"""Compile a book with d2lbook and with bookc, compare every notebook and what each one cost.

    python benchmarks/against_d2lbook.py BOOK [--tabs pytorch,mxnet] [--repeat 3] [--times 10]
        [--show]

Both run on one core, on copies of the book; d2lbook runs without evaluating cells, from its own
environment. What differs is shown by class; `--show` prints each difference.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import difflib
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from costs import ROOT, Cost, copy_book, run
from rich.console import Console
from rich.table import Table

from bookc.read.marks import find_marks
from bookc.read.python import python_of

D2LBOOK = ROOT / ".venv-d2lbook" / "bin" / "d2lbook"
ALIAS = re.compile(r"\bd2l\.\w+")

Cell = tuple[str, str]  # (type, source)


def cells_of(file: Path) -> list[Cell]:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        cells.append((cell["cell_type"], source))
    return cells


def notebooks_below(folder: Path) -> dict[str, list[Cell]]:
    """The notebooks by section; d2lbook leaves an empty file where a tab has no code."""
    return {
        file.relative_to(folder).with_suffix("").as_posix(): cells_of(file)
        for file in sorted(folder.rglob("*.ipynb"))
        if file.stat().st_size
    }


def joined(cells: Sequence[Cell]) -> list[Cell]:
    """The cells with neighbours of prose as one: without tabs d2lbook parts it at each fence."""
    result: list[Cell] = []
    for kind, group in groupby(cells, key=lambda cell: cell[0]):
        sources = [source for _, source in group]
        result += [(kind, "\n\n".join(sources))] if kind == "markdown" else []
        result += [(kind, source) for source in sources] if kind == "code" else []
    return result


def plain(cell: Cell) -> Cell:
    """A cell without what is of no one's meaning: empty lines of prose, space at line ends.

    d2lbook leaves #@save in the notebook; bookc removes its marks.
    """
    kind, source = cell
    lines = source.split("\n")
    if kind == "code":
        for mark in find_marks(source):
            lines[mark.line - 1] = lines[mark.line - 1][: mark.column].rstrip() or "\0"
        lines = [line for line in lines if line != "\0"]
        return kind, "\n".join(line.rstrip() for line in lines).strip()
    return kind, "\n".join(line.rstrip() for line in lines if line.strip())


def classify(theirs: Cell | None, ours: Cell | None) -> str:
    """The class of a difference."""
    if theirs is None or ours is None:
        kind, source = theirs or ours or ("", "")
        side = "d2lbook" if theirs else "bookc"
        return f"{'empty ' if not source.strip() else ''}{kind} cell only of {side}"
    if theirs[0] != ours[0]:
        return "type"
    if theirs[0] == "markdown":
        rows = [[line.strip() for line in source.split("\n")] for _, source in (theirs, ours)]
        return "indentation of prose" if rows[0] == rows[1] else "prose"
    trees = [tree_of(source) for _, source in (theirs, ours)]
    if trees[0] is None and trees[1] is not None:
        return "d2lbook's is not Python"
    if trees[1] is None:
        return "not Python"
    if trees[0] == trees[1]:
        if blank_free(theirs[1]) == blank_free(ours[1]):
            return "blank lines"
        without = [ALIAS.sub("", blank_free(remarks(source))) for _, source in (theirs, ours)]
        return "layout" if len(set(without)) == 2 else "comments"
    left = {name for name in ALIAS.findall(remarks(theirs[1])) if name not in remarks(ours[1])}
    if left:
        return f"alias not applied by d2lbook: {', '.join(sorted(left))}"
    return "code"


def remarks(source: str) -> str:
    return "\n".join(line.partition("#")[0].rstrip() for line in source.split("\n"))


def blank_free(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if line.strip())


def tree_of(source: str) -> str | None:
    try:
        return ast.dump(ast.parse(python_of(source)))
    except SyntaxError:
        return None


def compare(
    theirs: Sequence[Cell], ours: Sequence[Cell]
) -> Iterator[tuple[Cell | None, Cell | None]]:
    """The cells of two notebooks side by side."""
    left, right = [plain(cell) for cell in theirs], [plain(cell) for cell in ours]
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, False).get_opcodes():
        if tag == "equal":
            yield from zip(left[a:b], right[c:d], strict=True)
            continue
        for number in range(max(b - a, d - c)):
            yield (
                left[a + number] if a + number < b else None,
                right[c + number] if c + number < d else None,
            )


class Contest:
    """A copy of a book for each compiler, and what they cost.

    Args:
        work: an empty folder. Nothing in it is removed: to write a file takes longer while the
            file system is busy with those that were.
    """

    def __init__(self, book: Path, work: Path, tabs: str | None) -> None:
        work.mkdir()
        self.theirs = copy_book(book, work / "d2lbook")
        self.ours = copy_book(book, work / "bookc")
        self.raw = work / "raw"
        os.sync()
        ini = configparser.RawConfigParser()
        ini.read(self.ours / "config.ini", encoding="utf-8")
        names = ini["build"].get("tabs", "").lower().split(",")
        self.known = [name.strip() for name in names if name.strip()]
        self.tabs = tabs.split(",") if tabs else self.known or ["python"]

    def d2lbook(self) -> Cost:
        """What d2lbook's runs for all tabs cost together."""
        build = [D2LBOOK, "build", "eval"]
        commands = [[*build, "--tab", tab] if self.known else build for tab in self.tabs]
        costs = [run(command, self.theirs, D2LBOOK.parent) for command in commands]
        return sum(costs[1:], costs[0])

    def bookc(self, book: Path, *more: object) -> Cost:
        chosen = ["--tab", self.tabs[0]] if len(self.tabs) == 1 else []
        command = [
            sys.executable,
            "-m",
            "bookc",
            "build",
            "notebooks",
            "--book",
            book,
            *chosen,
            *more,
        ]
        return run(command, ROOT)

    def costs(self) -> dict[str, tuple[Cost, Cost]]:
        theirs = self.d2lbook()
        raw = self.bookc(self.ours, "--raw", "--out", self.raw)
        return {
            "all notebooks, references as written": (theirs, raw),
            "all notebooks, references resolved": (theirs, self.bookc(self.ours)),
            "again, nothing changed": (self.d2lbook(), self.bookc(self.ours)),
        }

    def pairs(self) -> Iterator[tuple[str, str, list[Cell] | None, list[Cell] | None]]:
        """Each notebook: tab, section, cells of d2lbook, cells of bookc."""
        for tab in self.tabs:
            is_default = not self.known or tab == self.known[0]
            folder = self.theirs / "_build" / ("eval" if is_default else f"eval_{tab}")
            left, right = notebooks_below(folder), notebooks_below(self.raw / tab)
            for path in sorted(left.keys() | right.keys()):
                theirs = left.get(path)
                if theirs is not None and not self.known:
                    theirs = joined(theirs)
                yield tab, path, theirs, right.get(path)


def least(rounds: Sequence[dict[str, tuple[Cost, Cost]]]) -> dict[str, tuple[Cost, Cost]]:
    """The least of several rounds for each: what other work on the machine adds is nobody's."""
    return {
        what: (
            min((costs[what][0] for costs in rounds), key=lambda cost: cost.wall),
            min((costs[what][1] for costs in rounds), key=lambda cost: cost.wall),
        )
        for what in rounds[0]
    }


def differences(contest: Contest, show: Callable[[str], object]) -> Counter[str]:
    """How many notebooks and cells there are, how many are equal, and classes of the others."""
    counts: Counter[str] = Counter()
    for tab, path, theirs, ours in contest.pairs():
        counts["notebooks"] += 1
        if theirs is None or ours is None:
            kind = f"different: notebook only of {'bookc' if theirs is None else 'd2lbook'}"
            counts[kind] += 1
            show(f"--- {tab} {path}: {kind}")
            continue
        pairs = list(compare(theirs, ours))
        unequal = [(one, other) for one, other in pairs if one != other]
        counts["cells"] += len(pairs)
        counts["equal cells"] += len(pairs) - len(unequal)
        counts["equal notebooks"] += not unequal
        for one, other in unequal:
            kind = f"different: {classify(one, other)}"
            counts[kind] += 1
            a, b = (cell[1].split("\n") if cell else [] for cell in (one, other))
            diff = difflib.unified_diff(a, b, "d2lbook", "bookc", n=1, lineterm="")
            show("\n".join([f"--- {tab} {path}: {kind}", *diff]))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("--tabs", help="such as pytorch,mxnet (default: all of the book)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the least is shown")
    parser.add_argument("--times", type=int, default=1, help="also the book so many times over")
    parser.add_argument("--show", action="store_true", help="print every difference")
    args = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True, emoji=False, markup=False, width=160)
    with tempfile.TemporaryDirectory(prefix="against-d2lbook-") as name:
        rounds = []
        for number in range(args.repeat):
            contest = Contest(args.book, Path(name) / str(number), args.tabs)
            rounds.append(contest.costs())
        costs = least(rounds)
        counts = differences(contest, out.print if args.show else lambda line: None)
        if args.times > 1:
            many = copy_book(args.book, Path(name) / "many", args.times)
            costs[f"{args.times} times the book"] = (Cost(0, 0, 0), contest.bookc(many))
    out.print(table_of_costs(costs))
    table = Table("", "count")
    for what in ("notebooks", "equal notebooks", "cells", "equal cells"):
        table.add_row(what, str(counts.pop(what, 0)))
    for what, count in counts.most_common():
        table.add_row(what, str(count))
    out.print(table)


def table_of_costs(costs: Mapping[str, tuple[Cost, Cost]]) -> Table:
    table = Table("", "d2lbook s", "bookc s", "ratio", "bookc's peak MB")
    for what, (one, other) in costs.items():
        table.add_row(
            what,
            f"{one.wall:.2f} (CPU {one.cpu:.2f})" if one.wall else "",
            f"{other.wall:.2f} (CPU {other.cpu:.2f})",
            f"{one.wall / other.wall:.1f} (CPU {one.cpu / other.cpu:.1f})" if one.wall else "",
            f"{other.memory:.0f}",
        )
    return table


if __name__ == "__main__":
    main()
