"""Compile a book with d2lbook and with bookc, compare every notebook and what each one cost.

    python benchmarks/against_d2lbook.py BOOK [--tabs pytorch,mxnet] [--times 10] [--show]

Both run on one core, on copies of the book; d2lbook runs without evaluating cells, from its own
environment. What differs is shown by class; `--show` prints each difference.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import difflib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from costs import ROOT, Cost, copy_book, run
from rich.console import Console
from rich.table import Table

from bookc.marks import find_marks, python_of

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("--tabs", help="such as pytorch,mxnet (default: all of the book)")
    parser.add_argument("--times", type=int, default=1, help="also the book so many times over")
    parser.add_argument("--show", action="store_true", help="print every difference")
    args = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
    bookc = [sys.executable, "-m", "bookc", "notebooks"]
    with tempfile.TemporaryDirectory(prefix="against-d2lbook-") as name:
        work = Path(name)
        theirs = copy_book(args.book, work / "d2lbook")
        ours = copy_book(args.book, work / "bookc")
        ini = configparser.RawConfigParser()
        ini.read(ours / "config.ini", encoding="utf-8")
        names = ini["build"].get("tabs", "").lower().split(",")
        known = [name.strip() for name in names if name.strip()]
        tabs = args.tabs.split(",") if args.tabs else known or ["python"]
        chosen = ["--tab", tabs[0]] if len(tabs) == 1 else []

        def of_d2lbook() -> Cost:
            build = [D2LBOOK, "build", "eval"]
            commands = [[*build, "--tab", tab] if known else build for tab in tabs]
            costs = [run(command, theirs, D2LBOOK.parent) for command in commands]
            return sum(costs[1:], costs[0])

        def of_bookc(folder: Path, *more: object) -> Cost:
            return run([*bookc, "--book", folder, *chosen, *more], ROOT)

        costs = {
            "all notebooks": (of_d2lbook(), of_bookc(ours)),
            "again, nothing changed": (of_d2lbook(), of_bookc(ours)),
        }
        costs["all notebooks, references unresolved"] = (
            costs["all notebooks"][0],
            of_bookc(ours, "--raw", "--out", work / "raw"),
        )
        classes: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for tab in tabs:
            is_default = not known or tab == known[0]
            folder = theirs / "_build" / ("eval" if is_default else f"eval_{tab}")
            left, right = notebooks_below(folder), notebooks_below(work / "raw" / tab)
            for path in sorted(left.keys() | right.keys()):
                counts["notebooks"] += 1
                if path not in left or path not in right:
                    side = "d2lbook" if path in left else "bookc"
                    classes[f"notebook only of {side}"] += 1
                    if args.show:
                        out.print(f"--- {tab} {path}: only of {side}")
                    continue
                same = True
                pair = left[path] if known else joined(left[path]), right[path]
                for one, other in compare(*pair):
                    counts["cells"] += 1
                    if one == other:
                        counts["equal cells"] += 1
                        continue
                    same = False
                    kind = classify(one, other)
                    classes[kind] += 1
                    if args.show:
                        out.print(f"--- {tab} {path}: {kind}")
                        a, b = (cell[1].split("\n") if cell else [] for cell in (one, other))
                        diff = difflib.unified_diff(a, b, "d2lbook", "bookc", n=1, lineterm="")
                        out.print("\n".join(diff))
                counts["equal notebooks"] += same
        if args.times > 1:
            many = copy_book(args.book, work / "many", args.times)
            costs[f"{args.times} times the book"] = (Cost(0, 0, 0), of_bookc(many))

    out.width = 160
    table = Table("", "d2lbook s", "bookc s", "ratio", "bookc's peak MB")
    for what, (one, other) in costs.items():
        table.add_row(
            what,
            f"{one.wall:.2f} (CPU {one.cpu:.2f})" if one.wall else "",
            f"{other.wall:.2f} (CPU {other.cpu:.2f})",
            f"{one.wall / other.wall:.1f} (CPU {one.cpu / other.cpu:.1f})" if one.wall else "",
            f"{other.memory:.0f}",
        )
    out.print(table)
    table = Table("", "count")
    for what in ("notebooks", "equal notebooks", "cells", "equal cells"):
        table.add_row(what, str(counts[what]))
    for what, count in classes.most_common():
        table.add_row(f"different: {what}", str(count))
    out.print(table)


if __name__ == "__main__":
    main()
