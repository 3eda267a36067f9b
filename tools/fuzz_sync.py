"""Try random edits of notebooks on `bookc sync`, and judge each by an oracle of its own.

    python tools/fuzz_sync.py SEED COUNT [CHAPTER.md ...]

Each edit is what an author does in Jupyter: words, numbers and lines change, cells are added,
deleted, split, merged and moved. An edit that sync brings back is wrong if the chapter does not
compile to the edited notebook, if another tab's notebook changed that should not, or if a mark, a
label or a reference is not where it was though its line is. Prints a table, and each wrong edit.
"""

from __future__ import annotations

import copy
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from bookc.author.sync import sync_notebook
from bookc.notebook.edited import note_base
from bookc.problems import BookError
from bookc.run.build import make_build

ROOT = Path(__file__).parents[1]
CHAPTERS = [*ROOT.glob("tests/books/tiny/**/*.md"), *ROOT.glob("chapters/*/*.md")]
CONFIG = (
    "[build]\nnotebooks = *.md\ntabs = pytorch, tensorflow, mxnet\n[bookc]\nsort_imports = no\n"
)
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "7",
    "x",
    "y_1",
    "return",
    "None",
    "(a,",
    "b)",
    "=",
    "+",
    "#",
    "print()",
]
Cells = list[NotebookNode]


def change_word(random: random.Random, cells: Cells) -> None:
    cell = random.choice(cells)
    words = list(re.finditer(r"\w+", cell.source))
    if words:
        word = random.choice(words)
        new = random.choice(WORDS)
        cell.source = cell.source[: word.start()] + new + cell.source[word.end() :]


def change_lines(random: random.Random, cells: Cells) -> None:
    """Insert, delete, double, move, indent or replace lines."""
    cell = random.choice(cells)
    lines = cell.source.split("\n")
    at = random.randrange(len(lines))
    what = random.choice(["insert", "delete", "double", "move", "replace", "blank", "end"])
    new = " ".join(random.sample(WORDS, 3))
    if what in ("insert", "blank"):
        lines.insert(at, new if what == "insert" else "")
    elif what == "double":
        lines.insert(at, lines[at])
    elif what == "move":
        lines.insert(random.randrange(len(lines)), lines.pop(at))
    elif what == "end":
        lines[at] += f" {new}"
    else:
        lines[at : at + random.randint(1, 3)] = [new] * (what == "replace")
    cell.source = "\n".join(lines)


def change_cells(random: random.Random, cells: Cells) -> None:
    """Add, delete, split, merge or move cells."""
    at = random.randrange(len(cells))
    cell = cells[at]
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    what = random.choice(["add", "add", "delete", "split", "split", "merge", "move"])
    if what == "add":
        kind = random.choice(["code", "markdown"])
        cells.insert(at, make[kind](random.choice(["new = 1", "Some words.", "f(x)\n\ng(y)"])))
    elif what == "delete" and len(cells) > 1:
        cells.pop(at)
    elif what == "split":
        lines = cell.source.split("\n")
        row = random.randrange(len(lines) + 1)
        cell.source = "\n".join(lines[:row])
        cells.insert(at + 1, make[cell.cell_type]("\n".join(lines[row:])))
    elif what == "merge" and at + 1 < len(cells) and cells[at + 1].cell_type == cell.cell_type:
        cell.source += "\n" + cells.pop(at + 1).source
    elif what == "move":
        cells.insert(random.randrange(len(cells)), cells.pop(at))


def swap_lines(random: random.Random, cells: Cells) -> None:
    """Exchange two lines of two cells, or of one."""
    one, other = random.choice(cells), random.choice(cells)
    if one.cell_type == other.cell_type and one is not other:
        mine, yours = one.source.split("\n"), other.source.split("\n")
        a, b = random.randrange(len(mine)), random.randrange(len(yours))
        mine[a], yours[b] = yours[b], mine[a]
        one.source, other.source = "\n".join(mine), "\n".join(yours)


EDITS: Sequence[Callable[[random.Random, Cells], None]] = (
    change_word,
    change_word,
    change_lines,
    change_lines,
    change_cells,
    swap_lines,
)


def read_text(cells: Cells) -> list[tuple[str, str]]:
    """What a reader sees: kind and text, with neighbouring prose joined and gaps evened out."""
    seen: list[tuple[str, str]] = []
    for cell in cells:
        text = cell.source.strip("\n")
        if cell.cell_type == "markdown":
            text = re.sub(r"[ \t]*\n\s*\n", "\n\n", text.strip())
            if text and seen and seen[-1][0] == "markdown":
                text = f"{seen.pop()[1]}\n\n{text}"
        lines = text.split("\n")
        if text.strip():
            trimmed = "\n".join(
                line.rstrip() if cell.cell_type == "code" else line for line in lines
            )
            seen.append((cell.cell_type, trimmed.strip("\n")))
    return seen


def marked_lines(text: str, tab: str) -> dict[str, Counter[str]]:
    """By line of a chapter the marks that it has in one tab: behind it, above it, or below it."""
    notes: dict[str, Counter[str]] = {}
    above: list[str] = []
    last, seen = "", True
    for line in [*text.split("\n"), ""]:
        fence_or_tab = re.match(r"```|~~~|\s*#\s*@tab|:(begin|end)_tab:", line)
        if tabs := re.match(r"\s*#\s*@tab (.*)|:begin_tab:`(.*)`", line):
            names = (tabs[1] or tabs[2]).replace(",", " ").split()
            seen = tab in names or "all" in names
        elif line.startswith(("```", ":end_tab:")):
            seen = True
        alone = re.fullmatch(r"\s*#\s*@(save|quick)\b.*", line)
        label = re.fullmatch(r"\s*:(eqlabel|label|width|height):`.*", line)
        if fence_or_tab or not seen:
            last, above = "", []
        elif alone:
            above.append(line.strip())
        elif label and last:
            notes.setdefault(last, Counter())[line.strip()] += 1
        elif line.strip():
            code, _, behind = line.partition("  #@")
            last = code.strip()
            notes.setdefault(last, Counter())["".join([*above, behind])] += 1
            above = []
    return notes


def wrong_marks(before: str, after: str, tab: str) -> str:
    was, now = marked_lines(before, tab), marked_lines(after, tab)
    for line in was.keys() & now.keys():
        lost, got = was[line] - now[line], now[line] - was[line]
        if (any(lost) and got) or (any(got) and lost):
            return f"marks of {line!r} were {dict(was[line])} and are {dict(now[line])}"
    return ""


def judge(
    root: Path, before: str, after: str, tab: str, edited: Cells, others: dict[str, object]
) -> str:
    """What is wrong with an edit that was brought back; "" if nothing is."""
    (root / "index.md").write_text(after, encoding="utf-8")
    try:
        build = make_build(root)
    except BookError as error:
        return f"the book has errors: {error}"
    made = build.notebooks.get((tab, "index"))
    if made is None or read_text(made.cells) != read_text(edited):
        return "the chapter does not compile to the notebook"
    for other, seen in others.items():
        notebook = build.notebooks.get((other, "index"))
        if (notebook and read_text(notebook.cells)) != seen:
            return f"the notebook of {other} changed"
    return wrong_marks(before, after, tab)


def main(seed: int, count: int, chapters: Sequence[Path]) -> int:
    rng = random.Random(seed)
    results: dict[str, Counter[str]] = {"all": Counter(), "split": Counter()}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-sync-") as name:
        root = Path(name)
        (root / "config.ini").write_text(CONFIG)
        file = root / "edited.ipynb"
        for _ in range(count):
            before = rng.choice(chapters).read_text("utf-8")
            (root / "index.md").write_text(before, encoding="utf-8")
            build = make_build(root)
            tab = rng.choice(build.tabs or ("pytorch",))
            notebook = copy.deepcopy(build.notebooks[tab, "index"])
            note_base(notebook)
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                rng.choice(EDITS)(rng, notebook.cells)
            nbformat.write(notebook, file)
            choice = rng.choice(["all", "split"])
            others = {
                one: read_text(build.notebooks[one, "index"].cells)
                for one in build.tabs
                if one != tab and choice == "split"
            }
            try:
                synced = sync_notebook(root, file, lambda question, choice=choice: choice)
            except BookError:
                results[choice]["refused"] += 1
                continue
            fault = judge(root, before, synced.after, tab, notebook.cells, others)
            results[choice]["wrong" if fault else "brought back"] += 1
            if fault:
                shutil.copy(file, ROOT / "_build" / f"wrong-{seed}.ipynb")
                print(f"WRONG ({tab}, {choice}): {fault}", flush=True)
    print(f"{count} edits with seed {seed} in {time.monotonic() - begin:.0f} s")
    for choice, found in results.items():
        print(
            f"{choice:6}",
            *(f"{what}: {found[what]}" for what in ("brought back", "refused", "wrong")),
        )
    return 1 if any(found["wrong"] for found in results.values()) else 0


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[3:]]
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), given or CHAPTERS))
