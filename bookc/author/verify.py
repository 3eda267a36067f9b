"""An edit that was brought back to a chapter -> a refusal of what it must not have changed.

The last word on every edit: the chapter is compiled again, and must give what the author has, with
each mark, label and reference where it was, and the other tabs' notebooks as they were.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from bookc.author.blocks import trimmed
from bookc.author.merge import owner
from bookc.book import Build, Cell, Chapter
from bookc.notebook.edited import plain
from bookc.notebook.file import NotebookNode
from bookc.notebook.imports import sort_imports
from bookc.notebook.notebook import make_notebook
from bookc.notebook.prose import readable_prose
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem
from bookc.read import prose
from bookc.read.marks import find_marks, saved_lines, strip_marks, would_be_marks
from bookc.read.python import parse_python
from bookc.read.slides import strip_slides
from bookc.read.syntax import BLOCK_MARK_LINE, ROLE, is_toc

# A piece of a chapter that a mark can speak of: ("text", a statement), ("name", what it defines),
# ("line", of code), ("prose", a line of it); ("fault", of marks) or ("none", what only looks like
# a mark). With each go its mark, "" for none, and the line of the file.
Key = tuple[str, str]
Note = tuple[Key, str, int]
CAPTION = re.compile(r":(?!\w+:) *(\S.*)|!\[(.+)\]\(.*\)")  # of a table, of a figure
IN_MARKDOWN = "make this edit in the Markdown file"


def refuse_displaced(before: Chapter, after: Chapter, tab: str, cells: Iterable[str]) -> None:
    """Refuse an edit that takes a mark or label from code or text that it leaves as it was.

    A notebook shows neither, so its author cannot mean to move them. Of several pieces that are
    equal, as many as there were before and after must be marked alike. A mark that the author wrote
    in the notebook, whose `cells` of code these are, may come.
    """
    old, new = select_tab(before, tab), select_tab(after, tab)
    if old is None or new is None:
        return
    mine = replace(before, cells=tuple(Cell("", "code", source, (), 1) for source in cells))
    (was, lines), (now, places), (wanted, _) = map(_notes, (old, new, mine))
    problems = {}
    for (kind, text), line in places.items():
        if kind == "fault" and (kind, text) not in was:
            problems[line] = text
        elif kind == "none" and (kind, text) not in was.keys() | wanted.keys():
            problems[line] = (
                f"the mark in '{text.strip()}' would be none any more, but part of a comment or a "
                f"string or of what is no Python: {IN_MARKDOWN}"
            )
    for key, line in lines.items():
        lost, got = was[key] - now[key], now[key] - was[key]
        if any(wanted[key]) or line in problems or not lost or not got:
            continue
        marks = ", ".join(sorted(filter(None, lost))) or "its mark"
        change = f"lose {marks}" if any(lost) else f"get {', '.join(sorted(filter(None, got)))}"
        rows = key[1].split("\n")
        first = next((row for row in rows if not row.startswith("@")), rows[0])
        problems[line] = f"'{first}' would {change}, which a notebook does not show: {IN_MARKDOWN}"
    if problems:
        raise BookError(Problem(before.file, line, text) for line, text in problems.items())


def _notes(chapter: Chapter) -> tuple[dict[Key, Counter[str]], dict[Key, int]]:
    """By piece of a chapter the marks that it has, and the line where it is first."""
    notes: dict[Key, Counter[str]] = defaultdict(Counter)
    lines: dict[Key, int] = {}
    for cell in chapter.cells:
        of_cell = _of_code(cell, chapter.file) if cell.kind == "code" else _of_prose(cell)
        for key, mark, line in of_cell:
            if key[1]:
                notes[key][mark] += 1
                lines.setdefault(key, line)
    return notes, lines


def _of_prose(cell: Cell) -> Iterator[Note]:
    lines = cell.source.split("\n")
    marks = [row for row, line in enumerate(lines) if BLOCK_MARK_LINE.fullmatch(line)]
    for row, line in enumerate(lines):
        own = " ".join(lines[at].strip() for at in marks if owner(lines, at) == row)
        yield ("prose", line.strip()), own, cell.line_at(row + 1)


def _of_code(cell: Cell, file: str) -> Iterator[Note]:
    source, places = strip_marks(cell)
    quick = {cell.line_at(m.line): m.value for m in find_marks(cell.source) if m.name == "quick"}
    for line, place in zip(source.split("\n"), places, strict=True):
        yield ("line", line.strip()), f"#@quick {quick[place]}" if place in quick else "", place
    rows = cell.source.split("\n")
    for line in would_be_marks(cell.source):
        yield ("none", line), "", cell.line_at(rows.index(line) + 1)
    try:
        spans = saved_lines(cell, file)
    except BookError as error:
        yield from ((("fault", one.message), "", one.line) for one in error.problems)
        return
    saved = {cell.line_at(row) for first, last in spans for row in range(first, last + 1)}
    tree = parse_python(source)
    for node in tree.body if tree else ():
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        text = "\n".join(source.split("\n")[first : node.end_lineno]).rstrip()
        name = str(getattr(node, "name", "")) or text.partition(" = ")[0]
        for key in (("text", text), ("name", name)):
            yield key, "#@save" if places[first] in saved else "", places[first]


def refuse_lost_references(was: Build, now: Build, path: str) -> None:
    """Refuse references, captions and slide marks that became plain text.

    What a reference reads as is in the text more often than before, and the reference less often:
    some of its words moved, or all of a line did, and nothing shows that they were one.
    """
    chapter = chapter_of(was, path)
    lines = dict(reversed(list(_references(chapter))))
    (before, had), (after, has) = (
        (
            Counter(mark for mark, _ in _references(one)),
            "\n".join(cell.source for cell in one.cells),
        )
        for one in (chapter, chapter_of(now, path))
    )
    for mark in before - after:
        if caption := CAPTION.fullmatch(mark):
            text = f"** {_read(caption[1] or caption[2], chapter, was)}"  # behind its number
        else:
            text = strip_slides(mark) if strip_slides(mark) != mark else _read(mark, chapter, was)
        more = has.count(text) - had.count(text)
        if more > (after[mark] - before[mark]) * mark.count(text):
            message = (
                f"'{mark.strip()}' was moved, which would make plain text of it: write it as in "
                f"Markdown, or {IN_MARKDOWN}"
            )
            raise BookError([Problem(chapter.file, lines[mark], message)])


def _references(chapter: Chapter) -> Iterator[tuple[str, int]]:
    """Each reference, caption and line with marks of slides, with its line in the file."""
    for cell in chapter.cells:
        for row, line in enumerate(cell.source.split("\n") if cell.kind == "markdown" else (), 1):
            yield from ((found[0], cell.line_at(row)) for found in ROLE.finditer(line))
            if strip_slides(line) != line or CAPTION.fullmatch(line):
                yield line, cell.line_at(row)


def refuse_changes_for_others(
    was: Build, now: Build, path: str, tab: str, for_all: Collection[str]
) -> None:
    """Refuse an edit that changes the notebook of a tab for which it was not meant."""
    for other in was.config.tabs:
        one, two = was.notebooks.get((other, path)), now.notebooks.get((other, path))
        same = one is two if one is None or two is None else joined(one.cells) == joined(two.cells)
        if other == tab or other in for_all or same:
            continue
        message = f"cannot be brought back: it would change the {other} notebook, too"
        if two is None:
            message = (
                f"code for {tab} alone would leave {other} without a notebook of this section, "
                "which so far has no code of one tab's own: add it in the Markdown file, for all"
            )
        elif one is None:
            message = (
                f"without this code, no tab has code of its own, and {other} would get a notebook "
                f"of this section: {IN_MARKDOWN}"
            )
        raise BookError([Problem(chapter_of(was, path).file, 0, message)])


def refuse_difference(
    build: Build, path: str, tab: str, wanted: Iterable[NotebookNode], sort_in: str
) -> None:
    """Refuse an edit after which the chapter does not compile to the author's notebook.

    Neighbouring cells of prose count as one, and so do several blank lines; a reference that the
    author wrote as in Markdown reads as what it compiles to. Neither blanks at the end of a line of
    code count nor, where the compiler sorts imports in the folder `sort_in`, how they are laid out.
    """
    chapter = chapter_of(build, path)
    again = (node for cell in wanted for node in _recompiled(cell, chapter, tab, build))
    compiled = build.notebooks[tab, path].cells
    pairs = zip_longest(joined(again), joined(compiled), fillvalue=("", ""))
    for (kind, text), (other_kind, other) in pairs:
        is_code = (kind or other_kind) == "code"
        rows = (_laid_out(one, sort_in) if is_code else one.split("\n") for one in (text, other))
        for line, got in zip_longest(*rows, fillvalue=""):
            if line == got and kind == other_kind:
                continue
            written = "writes numbers, captions and lists of sections"
            if is_code:
                written = "writes out aliases, chooses branches of tabs and puts imports in order"
            message = (
                f"cannot be brought back at '{line.strip() or got.strip()}': the compiler "
                f"{written}; edit what they are made of in the Markdown file"
            )
            raise BookError([Problem(chapter.file, 0, message)])


def joined(cells: Iterable[NotebookNode]) -> list[tuple[str, str]]:
    """Kind and text of each cell that has any; neighbouring prose is one text."""
    result: list[tuple[str, str]] = []
    for cell in cells:
        text = "\n".join(trimmed(plain(cell.source).split("\n")))
        if cell.cell_type == "markdown":
            text = re.sub(r"[ \t]*\n\s*\n", "\n\n", text.strip())
            if text and result and result[-1][0] == "markdown":
                text = f"{result.pop()[1]}\n\n{text}"
        if text:
            result.append((cell.cell_type, text))
    return result


def _recompiled(
    cell: NotebookNode, chapter: Chapter, tab: str, build: Build
) -> Iterator[NotebookNode]:
    """A cell of the author's, as it reads once it is part of the chapter."""
    source = "\n".join(trimmed(plain(cell.source).split("\n")))
    if cell.cell_type == "markdown" and source:
        yield NotebookNode(cell_type="markdown", source=_read(source, chapter, build))
    elif cell.cell_type == "code" and source:
        part = replace(chapter, cells=(Cell("edited", "code", source, (tab,), 1),))
        selected = select_tab(part, tab)
        yield from make_notebook(selected, tab).cells if selected else ()


def _read(source: str, chapter: Chapter, build: Build) -> str:
    """What a piece of prose reads as in a notebook."""
    tokens = prose.parse(source)
    for token in tokens:
        if token.type == "fence" and is_toc(token.info):
            token.type = "code_block"  # an author's own list is no table of contents
        token.meta.setdefault("number", "")
    part = replace(chapter, cells=(Cell("edited", "markdown", source, (), 1),))
    return readable_prose(part, replace(build.refs, tokens={"edited": tokens}))["edited"]


def _laid_out(code: str, sort_in: str) -> Sequence[str]:
    """Lines of code in the layout that the compiler and people can agree on."""
    text = re.sub(r"[ \t]+$", "", code, flags=re.M)
    return (sort_imports(text, sort_in)[0] if sort_in else text).split("\n")


def chapter_of(build: Build, path: str) -> Chapter:
    """A section of a book."""
    return next(chapter for chapter in build.book.chapters if chapter.path == path)
