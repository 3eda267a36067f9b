"""Try random edits of notebooks on `bookc sync`, and judge each by an oracle of its own.

    python tools/fuzz_sync.py SEED COUNT [--single] [CHAPTER.md ...]

Each edit is what an author does in Jupyter: words, numbers and lines change, cells are added,
deleted, split, merged and moved; one to four of these make an edit, with `--single` one alone.
An edit that sync brings back is wrong if the chapter does not compile to the edited notebook, if
another tab's notebook changed that should not, or if a mark, a label or a reference is gone or
elsewhere though what it spoke of is as it was. Prints a table by kind, and each wrong edit.
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import importlib.metadata
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
from bookc.book import Build, Chapter
from bookc.notebook.edited import note_base
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError
from bookc.read.marks import find_marks, saved_blocks, strip_marks
from bookc.read.references import reference_text
from bookc.run.build import make_build

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "books" / "tiny"
PAGE = "part/cells"
# Everything that a chapter can hold, close together; the real chapters are mostly plain text.
DENSE = """\
# A Page
:label:`sec_page`

As :numref:`sec_page` says, see :ref:`sec_two`, :eqref:`eq_a` and :numref:`tab_a`,
which :citet:`pearson1901lines` drew. [**On a slide.**] Not [~~only there~~] hidden.

```{.python .input}
#@tab all
#@tags hide
import os
x = d2l.ones(3)
n = 20  #@quick 1

#@save
def f(a):
    b = a + 1
    return b

def g(a):  #@save
    b = a + 1
    return b

LIMIT = 3  #@save
```

## Part Two
:label:`sec_two`

:begin_tab:`pytorch`
Only :numref:`sec_two` here.

More of it.
:end_tab:

:begin_tab:`tensorflow, mxnet`
For two, as in :eqref:`eq_a`.
:end_tab:

$$
a = b + c
$$
:eqlabel:`eq_a`

: Sizes of things.

| name | size |
|:-----|-----:|
| one  | 1    |
| two  | 2    |
:label:`tab_a`

```{.python .input}
%%tab pytorch, mxnet
#@save
m = 5
k = 7

class Net:
    def forward(self, x):
        if tab.selected('pytorch'):
            y = x + 1
        if tab.selected('mxnet'):
            y = x + 2
        return y
```

```{.python .input}
#@tab tensorflow
m = 6
for i in range(3):
    steps = 10  #@quick 2
    print(i)
```

![A dot of :numref:`tab_a`.](../img/dot.svg)
:width:`80px`
:label:`fig_a`

- item with :numref:`fig_a`
- item

## Part Three

The end of :ref:`sec_two`.

```{.python .input}
#@tab all
last = 1
```

:bibliography:`refs.bib`
"""
WORDS = ["alpha", "beta", "7", "x", "y_1", "return", "None", "(a,", "b)", "=", "+", "#", "print()"]
LINES = [
    "new = 1",
    "other()",
    "# words",
    "Another sentence.",
    "| a | 1 |",
    "    return b",
    "$x$",
    "",
]
Cells = list[NotebookNode]
Edit = Callable[[random.Random, Cells], None]
MAKE = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}


def _change(pattern: str, *new: str) -> Edit:
    """Put another text in the place of one match of a pattern."""

    def edit(rng: random.Random, cells: Cells) -> None:
        cell = rng.choice(cells)
        if found := list(re.finditer(pattern, cell.source)):
            word = rng.choice(found)
            cell.source = cell.source[: word.start()] + rng.choice(new) + cell.source[word.end() :]

    return edit


def _lines(change: Callable[[random.Random, list[str], int], object]) -> Edit:
    """Change the lines of a cell at one of them."""

    def edit(rng: random.Random, cells: Cells) -> None:
        cell = rng.choice(cells)
        lines = cell.source.split("\n")
        change(rng, lines, rng.randrange(len(lines)))
        cell.source = "\n".join(lines)

    return edit


def _replace(rng: random.Random, lines: list[str], at: int) -> None:
    lines[at : at + rng.randint(1, 3)] = rng.sample(LINES, rng.randint(1, 2))


def _indent(rng: random.Random, lines: list[str], at: int) -> None:
    lines[at : at + 2] = [f"    {line}" for line in lines[at : at + 2]]


def _end(rng: random.Random, lines: list[str], at: int) -> None:
    lines[at] += f" {' '.join(rng.sample(WORDS, 2))}"


def _rewrap(rng: random.Random, lines: list[str], at: int) -> None:
    """Move words over the end of a line, as a new line length does."""
    words = lines[at].split(" ")
    cut = rng.randrange(len(words))
    if at + 1 < len(lines) and lines[at + 1]:
        lines[at : at + 2] = [" ".join(words[:cut]), " ".join([*words[cut:], lines[at + 1]])]


def _at_marks(rng: random.Random, cells: Cells) -> None:
    """Change, add, double or delete a line where marks and labels are likely to be."""
    cell = rng.choice(cells)
    lines = cell.source.split("\n")
    likely = re.compile(r"\s*(\||#|\$\$|!\[|def |class |@|\w+ = \d+|.*(Section|Table|Fig\.) )")
    if spots := [at for at, line in enumerate(lines) if likely.match(line)]:
        at = rng.choice(spots)
        row = "| a | 1 |" if lines[at].startswith("|") else rng.choice(LINES)
        new = ([], [lines[at]] * 2, [lines[at], row], [row, lines[at]], [f"{lines[at]} x"])
        lines[at : at + 1] = rng.choice(new)
        cell.source = "\n".join(lines)


def _add(rng: random.Random, cells: Cells) -> None:
    text = rng.choice(
        ["new = 1", "Some words.", "f(x)\n\ng(y)", "## New\n\nAs :numref:`sec_page`."]
    )
    cells.insert(rng.randrange(len(cells) + 1), MAKE[rng.choice(["code", "markdown"])](text))


def _split(rng: random.Random, cells: Cells) -> None:
    at = rng.randrange(len(cells))
    lines = cells[at].source.split("\n")
    row = rng.randrange(len(lines) + 1)
    cells[at].source = "\n".join(lines[:row])
    cells.insert(at + 1, MAKE[cells[at].cell_type]("\n".join(lines[row:])))


def _merge(rng: random.Random, cells: Cells) -> None:
    at = rng.randrange(len(cells))
    if at + 1 < len(cells) and cells[at + 1].cell_type == cells[at].cell_type:
        cells[at].source += "\n" + cells.pop(at + 1).source


def _swap(rng: random.Random, cells: Cells) -> None:
    """Exchange two lines of one cell or of two."""
    one, other = rng.choice(cells), rng.choice(cells)
    mine, yours = one.source.split("\n"), other.source.split("\n")
    a, b = rng.randrange(len(mine)), rng.randrange(len(yours))
    if one.cell_type == other.cell_type:
        yours = mine if one is other else yours
        b = b % len(yours)
        mine[a], yours[b] = yours[b], mine[a]
        one.source, other.source = "\n".join(mine), "\n".join(yours)


def _move_lines(rng: random.Random, cells: Cells) -> None:
    """Cut some lines and paste them elsewhere, in the same cell or in another."""
    one, other = rng.choice(cells), rng.choice(cells)
    mine = one.source.split("\n")
    at, count = rng.randrange(len(mine)), rng.randint(1, 4)
    cut, mine[at : at + count] = mine[at : at + count], []
    one.source = "\n".join(mine)
    yours = other.source.split("\n")
    row = rng.randrange(len(yours) + 1)
    yours[row:row] = cut
    other.source = "\n".join(yours)


EDITS: dict[str, Edit] = {
    "change a word": _change(r"\w+", *WORDS),
    "change a number": _change(r"\d+", "3", "40"),
    "change a sign": _change(r"[^\w\s]", "+", ".", ""),
    "insert a line": _lines(lambda rng, lines, at: lines.insert(at, rng.choice(LINES))),
    "delete a line": _lines(lambda rng, lines, at: lines.pop(at)),
    "double a line": _lines(lambda rng, lines, at: lines.insert(at, lines[at])),
    "move a line": _lines(
        lambda rng, lines, at: lines.insert(rng.randrange(len(lines)), lines.pop(at))
    ),
    "replace lines": _lines(_replace),
    "indent lines": _lines(_indent),
    "add at a line's end": _lines(_end),
    "rewrap": _lines(_rewrap),
    "change blanks": _change(r" +|$|\n\n", " ", "  ", "\n\n\n"),
    "edit at marks": _at_marks,
    "move lines": _move_lines,
    "swap lines": _swap,
    "add a cell": _add,
    "delete a cell": lambda rng, cells: cells and cells.pop(rng.randrange(len(cells))) and None,
    "split a cell": _split,
    "merge cells": _merge,
    "move a cell": lambda rng, cells: cells.insert(
        rng.randrange(len(cells)), cells.pop(rng.randrange(len(cells)))
    ),
}


def read_text(cells: Cells) -> list[tuple[str, str]]:
    """What a reader sees: kind and text, with neighbouring prose joined and gaps evened out."""
    seen: list[tuple[str, str]] = []
    for cell in cells:
        text = cell.source.strip("\n")
        if cell.cell_type == "markdown":
            # The compiler drops blanks where prose begins, and prose may begin with any paragraph.
            text = re.sub(r"[ \t]*\n\s*\n *", "\n\n", text.strip())
            if text and seen and seen[-1][0] == "markdown":
                text = f"{seen.pop()[1]}\n\n{text}"
        if text.strip():
            is_code = cell.cell_type == "code"
            lines = (line.rstrip() if is_code else line for line in text.split("\n"))
            seen.append((cell.cell_type, "\n".join(lines).strip("\n")))
    return seen


def marked(chapter: Chapter, tab: str) -> dict[str, Counter[str]]:
    """By line of code or prose, and by whole statement, the marks that it has in one tab."""
    notes: dict[str, Counter[str]] = {}
    selected = select_tab(chapter, tab)
    for cell in selected.cells if selected else ():
        if cell.kind == "code":
            source, places = strip_marks(cell)
            quick = {
                cell.line_at(m.line): m.value for m in find_marks(cell.source) if m.name == "quick"
            }
            for line, place in zip(source.split("\n"), places, strict=True):
                notes.setdefault(line.strip(), Counter())[quick.get(place, "")] += 1
            saved = Counter(t for block in saved_blocks(cell, "") for t in statements(block))
            for text in statements(source):
                mark = "saved" if saved[text] > 0 else ""
                saved[text] -= 1
                notes.setdefault(f"statement {text}", Counter())[mark] += 1
            continue
        last = ""
        for line in cell.source.split("\n"):
            if re.fullmatch(r"(\s*:(eqlabel|label|width|height):`[^`]*`)+\s*", line):
                notes.setdefault(f"prose {last}", Counter())[line.strip()] += 1
            elif line.strip():  # a table's label speaks of its head
                in_table = line.startswith("|") and last.startswith("|")
                last = last if in_table else line.strip()
                notes.setdefault(f"prose {line.strip()}", Counter())[""] += 1
    return notes


def statements(source: str) -> list[str]:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    lines = source.split("\n")
    starts = [min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", ()))]) for n in body]
    ends = [node.end_lineno for node in body]
    return ["\n".join(lines[a - 1 : b]).rstrip() for a, b in zip(starts, ends, strict=True)]


def page_of(build: Build) -> Chapter:
    return next(chapter for chapter in build.book.chapters if chapter.path == PAGE)


def judge(was: Build, now: Build, tab: str, choice: str, edited: Cells) -> str:
    """What is wrong with an edit that was brought back; "" if nothing is."""
    made, before = now.notebooks.get((tab, PAGE)), was.notebooks[tab, PAGE]
    if made is None or read_text(made.cells) != read_text(as_compiled(edited, now)):
        return "the chapter does not compile to the notebook"
    for other in was.config.tabs:
        one, two = (build.notebooks.get((other, PAGE)) for build in (was, now))
        same = (one and read_text(one.cells)) == (two and read_text(two.cells))
        if other != tab and choice == "split" and not same:
            return f"the notebook of {other} changed"
    old, new = page_of(was), page_of(now)
    unseen = [[c.source for c in page.cells if c.tabs and tab not in c.tabs] for page in (old, new)]
    if choice == "all" and unseen[0] != unseen[1]:
        return "what other tabs alone see changed"
    for cell in edited:
        tags, text = cell.metadata.get("tags"), cell.source.strip()
        same = [one for one in made.cells if one.source.strip() == text]
        if tags and text and same and all(one.metadata.get("tags") != tags for one in same):
            return f"the cell with tags {tags} has none"
    ends = [cell.source for cell in old.cells if cell.source.startswith(":bibliography:")]
    if not all(any(end in cell.source for cell in new.cells) for end in ends):
        return "the bibliography is gone"
    return wrong_marks(old, new, tab) or wrong_labels(was, now, before.cells, edited)


def as_compiled(cells: Cells, build: Build) -> Cells:
    """The cells with the references written out that an author wrote as in Markdown."""
    cells = copy.deepcopy(cells)
    for cell in cells:
        for label in build.refs.labels.values() if cell.cell_type == "markdown" else ():
            if label.chapter == PAGE:
                role = f":numref:`{label.name}`"
                cell.source = cell.source.replace(role, reference_text(label))
    return cells


def wrong_marks(before: Chapter, after: Chapter, tab: str) -> str:
    was, now = marked(before, tab), marked(after, tab)
    for line in was.keys() & now.keys():
        lost, got = was[line] - now[line], now[line] - was[line]
        if (any(lost) and got) or (any(got) and lost):
            return f"marks of {line!r} were {dict(was[line])} and are {dict(now[line])}"
        if (
            any(lost)
            and any(now[line]) is False
            and sum(now[line].values()) >= sum(was[line].values())
        ):
            return f"{line!r} lost {dict(lost)}"
    return ""


def wrong_labels(was: Build, now: Build, before: Cells, edited: Cells) -> str:
    """Labels that point at something else or are gone, and references that are plain text now."""
    texts = ["\n".join(cell.source for cell in cells) for cells in (before, edited)]
    if any(re.search(r"^\|.*\n:label:.*\n\|", c.source, re.M) for c in page_of(now).cells):
        return "the label of a table stands within it"
    sources = ["\n".join(c.source for c in page_of(build).cells) for build in (was, now)]
    for name, label in was.refs.labels.items():
        if label.chapter != PAGE:
            continue
        other = now.refs.labels.get(name)
        title = rf"^(?:#+|\*\*.*?\*\*) {re.escape(label.title)}$"
        had, has = (len(re.findall(title, text, re.M)) for text in texts)
        kept = label.title and 0 < had <= has
        if other is None and kept:
            return f"label {name} is gone"
        if other is not None and other.kind != label.kind:
            return f"label {name} is of a {other.kind}"
        if other and kept and not f"{other.title}\n".startswith(f"{label.title}\n"):
            return f"label {name} is of {other.title!r}"
        read = reference_text(label)
        for role in ("numref", "ref", "eqref"):
            mark = f":{role}:`{name}`"
            shown = label.title if role == "ref" and label.title else read
            had, has = (source.count(mark) for source in sources)
            if has < had and texts[1].count(shown) - has > texts[0].count(shown) - had:
                return f"{mark} is plain text"
    return ""


def main(seed: int, count: int, single: bool, chapters: Sequence[Path]) -> int:
    rng = random.Random(seed)
    # Two thirds of the time of a small book: the bibliography's plugins, looked up on the disk.
    importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)
    found: dict[str, Counter[str]] = {}
    begin = time.monotonic()
    texts = [DENSE] * (1 + len(chapters)) + [chapter.read_text("utf-8") for chapter in chapters]
    with tempfile.TemporaryDirectory(prefix="fuzz-sync-") as name:
        root = Path(shutil.copytree(TINY, Path(name, "book")))
        config = (root / "config.ini").read_text().replace("warning_is_error = true", "")
        config = re.sub(r"(\[library-(?:pytorch|mxnet)\])", r"\1\nsimple_alias = ones", config)
        (root / "config.ini").write_text(config)
        file, page = root / "edited.ipynb", root / f"{PAGE}.md"
        builds: dict[str, Build] = {}
        for number in range(count):
            text = rng.choice(texts)
            page.write_text(text, encoding="utf-8")
            was = builds[text] if text in builds else builds.setdefault(text, make_build(root))
            tab = rng.choice([one for one, path in was.notebooks if path == PAGE])
            notebook = copy.deepcopy(was.notebooks[tab, PAGE])
            note_base(notebook)
            kinds = rng.choices(list(EDITS), k=1 if single else rng.choice([1, 2, 2, 3, 4]))
            for kind in kinds:
                if notebook.cells:
                    EDITS[kind](rng, notebook.cells)
            nbformat.write(notebook, file)
            choice = rng.choice(["all", "split"])
            kind = kinds[0] if len(kinds) == 1 else f"{len(kinds)} edits"
            result = found.setdefault(kind, Counter())
            try:
                after = sync_notebook(root, file, lambda question, choice=choice: choice).after
            except BookError as error:
                result["refused"] += 1
                if error.problems and "--why" in sys.argv:
                    print(f"{kind} ({number}): {error}", flush=True)
                continue
            page.write_text(after, encoding="utf-8")
            try:
                fault = judge(was, make_build(root), tab, choice, notebook.cells)
            except BookError as error:
                fault = f"the book has errors: {error}"
            result["wrong" if fault else "brought back"] += 1
            if fault:
                print(f"WRONG ({number}, {tab}, {choice}, {kinds}): {fault}", flush=True)
                shutil.copy(file, ROOT / "_build" / f"wrong-{seed}-{number}.ipynb")
    print(f"seed {seed}, {time.monotonic() - begin:.0f} s")
    found["all"] = sum(found.values(), Counter())
    print(f"{'':20}{'tried':>8}{'brought back':>14}{'refused':>9}{'wrong':>7}")
    for kind, result in sorted(found.items()):
        row = [sum(result.values()), *(result[one] for one in ("brought back", "refused", "wrong"))]
        print(f"{kind:20}{row[0]:8}{row[1]:14}{row[2]:9}{row[3]:7}")
    return 1 if found["all"]["wrong"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--single", action="store_true", help="one change in each edit")
    parser.add_argument("--why", action="store_true", help="print why edits are refused")
    parser.add_argument("chapters", nargs="*", type=Path)
    args = parser.parse_args()
    default = [TINY / f"{PAGE}.md", *sorted(ROOT.glob("chapters/*/*.md"))]
    sys.exit(main(args.seed, args.count, args.single, args.chapters or default))
