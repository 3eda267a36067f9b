"""Chapters -> Refs: labels are found, numbers given, and references checked."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

from markdown_it.token import Token

from bookc.book import Book, Cell, Chapter, Label, Node, Reference, Refs
from bookc.problems import Problem
from bookc.read import prose
from bookc.read.addresses import kind_of

KINDS: dict[str, Literal["section", "figure", "table", "equation"]] = {
    "heading_open": "section",
    "figure": "figure",
    "table_open": "table",
    "math_block": "equation",
}
LENGTH = re.compile(r"\d+(\.\d+)?(px|%|em|rem|cm|mm|in|pt)?")
UNDERLINED = {"=": 1, "-": 2}  # levels of headings without #
SUGGESTIONS, NAME = 40, 100  # how many unknown names are compared with the known, and letters
OURS = re.compile(r"bookc-|ref-")  # what ids begin with that a page gives to its own parts


def reference_text(label: Label) -> str:
    """How a reference to this label reads: `Section 3.1`, `Fig. 3.1.2`, `(3.1.2)`."""
    if not label.number:
        return label.title or label.name
    if label.kind == "equation":
        return f"({label.number})"
    word = {"section": "Section", "figure": "Fig.", "table": "Table"}[label.kind]
    return f"{word} {label.number}"


def citation_text(reference: Reference, in_sentence: bool) -> str:
    """`Radford et al. (2015)` in a sentence, `Radford et al., 2015` within parentheses."""
    if not reference.year:
        return reference.authors
    if in_sentence:
        return f"{reference.authors} ({reference.year})"
    return f"{reference.authors}, {reference.year}"


def resolve(
    book: Book,
    bibliography: Mapping[str, Reference],
    is_file: Callable[[str], bool],
    parse: Callable[[Cell], list[Token]] = lambda cell: prose.parse(cell.source),
) -> tuple[Refs, list[Problem]]:
    """Parse all prose, number what is numbered and check every reference.

    Args:
        bibliography: what :cite: may name.
        is_file: whether a path relative to the source folder is a file of the book.
        parse: a prose cell's tokens; numbers are written into them.

    Returns:
        The references, and as warnings what is wrong with them: a duplicate or unknown label, an
        unknown citation, a missing image, a mark that stands behind nothing it could mark.
    """
    tokens = {
        cell.id: parse(cell)
        for chapter in book.chapters
        for cell in chapter.cells
        if cell.kind == "markdown"
    }
    titles = {chapter.path: _title(chapter, tokens) for chapter in book.chapters}
    tree = _tree(book, titles)
    numbers = {node.path: node.number for node in walk(tree)}
    labels: dict[str, Label] = {}
    problems: list[Problem] = []
    for chapter in book.chapters:
        _raise_headings(chapter, tokens)
        number = numbers.get(chapter.path, "")
        for label, line in _annotate(chapter, tokens, number, problems):
            if label.name in labels:
                other = labels[label.name].chapter
                message = f"label '{label.name}' is already defined in {other}"
                problems.append(Problem(chapter.file, line, message, warning=True))
            labels.setdefault(label.name, label)
    cited: dict[str, None] = {}
    nearest = _Nearest()
    for chapter in book.chapters:
        problems += _check(chapter, tokens, labels, bibliography, is_file, cited, nearest)
    return Refs(labels, tokens, tree, titles, dict(bibliography), tuple(cited)), problems


def _title(chapter: Chapter, tokens: Mapping[str, list[Token]]) -> str:
    for cell in chapter.cells:
        if cell.kind == "markdown":
            run = tokens[cell.id]
            for token, inline in pairwise(run):
                if token.type == "heading_open":
                    return inline.content
    return chapter.path


def _tree(book: Book, titles: Mapping[str, str]) -> Node:
    chapters = {chapter.path: chapter for chapter in book.chapters}
    placed: set[str] = set()

    def node(path: str, number: str, numbered: bool) -> Node:
        placed.add(path)
        children: list[Node] = []
        count = 0
        for entry in chapters[path].toc:
            # A page stands in one place: where it is listed first.
            if entry.path in placed or entry.path not in chapters:
                continue
            inherits = entry.numbered or numbered
            count += inherits
            child = ".".join(part for part in (number, str(count)) if part) if inherits else ""
            children.append(node(entry.path, child, inherits))
        return Node(path, titles[path], number, tuple(children))

    return node(book.config.index, "", numbered=False)


def walk(node: Node) -> Iterator[Node]:
    """A page and all those below it, in reading order."""
    yield node
    for child in node.children:
        yield from walk(child)


def _raise_headings(chapter: Chapter, tokens: Mapping[str, list[Token]]) -> None:
    """The first heading of a page is its title, whatever its level; the others rise with it."""
    above = None  # levels that the page leaves out
    for cell in chapter.cells:
        for token in tokens[cell.id] if cell.kind == "markdown" else ():
            if token.type in ("heading_open", "heading_close"):
                level = UNDERLINED.get(token.markup) or len(token.markup)
                above = level - 1 if above is None else above
                token.tag = f"h{max(1, level - above)}"


def _annotate(
    chapter: Chapter, tokens: Mapping[str, list[Token]], number: str, problems: list[Problem]
) -> Iterator[tuple[Label, int]]:
    """Write anchors and numbers into a chapter's tokens; yield its labels with their lines."""
    counts: Counter[str] = Counter()
    anchors: Counter[str] = Counter()
    levels = [0] * 7
    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        run = tokens[cell.id]
        for at, token in enumerate(run):
            line = cell.line + (token.map[0] if token.map else 0)
            if token.type == "marks":
                names = ", ".join(f":{name}:" for name in token.meta)
                message = f"{names} follows no heading, figure, table or equation"
                problems.append(Problem(chapter.file, line, message, warning=True))
            if token.type not in KINDS:
                continue
            problems += _wrong_lengths(token, chapter.file, line)
            kind = KINDS[token.type]
            name = token.meta.get("label", "")
            title = _caption(token, run[at + 1] if at + 1 < len(run) else token)
            if kind == "section":
                own = _heading_number(token, levels, number, listed=not chapter.toc)
            elif name or (kind == "figure" and title) or "caption" in token.meta:
                counts[kind] += 1
                own = ".".join(part for part in (number, str(counts[kind])) if part)
            else:
                own = ""
            anchor = _anchor(name or title or kind)
            anchors[anchor] += 1
            if anchors[anchor] > 1:
                anchor = f"{anchor}-{anchors[anchor]}"
            token.meta.update(anchor=anchor, number=own)
            for label in (name, *token.meta.get("more_labels", ())) if name else ():
                yield Label(label, kind, own, title, chapter.path, anchor), line


def _wrong_lengths(token: Token, file: str, line: int) -> Iterator[Problem]:
    for name in ("width", "height"):
        length = token.meta.get(name, "")
        if length and not LENGTH.fullmatch(length):
            message = f":{name}: wants a length such as 400px or 60%, not '{length}'"
            yield Problem(file, line, message, warning=True)


def _caption(token: Token, following: Token) -> str:
    if token.type == "heading_open":
        return following.content
    if token.type == "figure":
        return (token.children or [token])[0].content
    return str(token.meta.get("caption_text", ""))


def _heading_number(token: Token, levels: list[int], number: str, listed: bool) -> str:
    """`levels` counts the headings so far; a page's own title has the page's number."""
    level = int(token.tag[1])
    levels[level] += 1
    levels[level + 1 :] = [0] * (len(levels) - level - 1)
    if level == 1 or not number:
        return number if level == 1 else ""
    # On a page that lists sections, their numbers would collide with those of its headings.
    return ".".join([number, *(str(n) for n in levels[2 : level + 1])]) if listed else ""


def _anchor(text: str) -> str:
    words = re.sub(r"[^\w\s-]", "", text.lower())
    anchor = re.sub(r"[\s]+", "-", words.strip()) or "here"
    return f"at-{anchor}" if OURS.match(anchor) else anchor


def _check(
    chapter: Chapter,
    tokens: Mapping[str, list[Token]],
    labels: Mapping[str, Label],
    bibliography: Mapping[str, Reference],
    is_file: Callable[[str], bool],
    cited: dict[str, None],
    nearest: _Nearest,
) -> Iterator[Problem]:
    """What is wrong with a chapter's references; notes in `cited` what it cites.

    Images that the book does not have get `meta["missing"]`.
    """

    def warning(line: int, message: str) -> Problem:
        return Problem(chapter.file, line, message, warning=True)

    for token, line in inline_tokens(chapter, tokens):
        if token.type == "image":
            source = str(token.attrs.get("src", ""))
            missing = kind_of(source) != "outside" and not is_file(_inside(chapter, source))
            token.meta["missing"] = missing
            if missing:
                yield warning(line, f"no such image: {source}")
        if token.type == "link_open" and kind_of(address := str(token.attrs["href"])) == "refused":
            yield warning(line, f"{address} is no link of a page: http, https and mailto are")
        if token.type != "role":
            continue
        name, value = token.meta["name"], token.meta["value"]
        if name in ("cite", "citet"):
            for key in value.split(","):
                if key.strip() in bibliography:
                    cited.setdefault(key.strip())
                else:
                    message = f"no reference '{key.strip()}' in the bibliography"
                    yield warning(line, message + nearest(key, bibliography))
        elif value not in labels:
            yield warning(line, f"no label '{value}'{nearest(value, labels)}")
        elif (name == "eqref") != (labels[value].kind == "equation"):
            right = ":eqref:" if name != "eqref" else ":numref:"
            kind = {"equation": "an equation"}.get(labels[value].kind, f"a {labels[value].kind}")
            yield warning(line, f"'{value}' is {kind}: refer to it by {right}")


def inline_tokens(
    chapter: Chapter, tokens: Mapping[str, list[Token]]
) -> Iterator[tuple[Token, int]]:
    """Every inline token of a chapter with its line."""
    for cell in chapter.cells:
        for token in tokens[cell.id] if cell.kind == "markdown" else ():
            first = token.meta.get("caption_line", token.map[0] if token.map else 0)
            line = cell.line + first
            for child in [*(token.children or ()), *token.meta.get("caption", ())]:
                # A code span does not say how many lines it has; what knows its line tells it.
                here = cell.line + first + child.meta["row"] if "row" in child.meta else line
                yield child, here
                for grandchild in child.children or ():  # a caption's own roles
                    yield grandchild, here + grandchild.meta.get("row", 0)
                line += child.type in ("softbreak", "hardbreak")


class _Nearest:
    """Says which known name an unknown one may mean; a few times, since to look takes long."""

    def __init__(self) -> None:
        self._left = SUGGESTIONS

    def __call__(self, name: str, known: Mapping[str, object]) -> str:
        self._left -= 1
        close = []
        if self._left >= 0:
            close = difflib.get_close_matches(name.strip()[:NAME], list(known), n=1)
        return f": did you mean '{close[0]}'?" if close else ""


def pictures(chapter: Chapter, tokens: Mapping[str, list[Token]]) -> Iterator[str]:
    """The book's pictures that a chapter shows, relative to the source folder."""
    for token, _ in inline_tokens(chapter, tokens):
        if token.type == "image" and not token.meta["missing"]:
            source = str(token.attrs.get("src", ""))
            if kind_of(source) == "inside":
                yield _inside(chapter, source)


def _inside(chapter: Chapter, source: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(chapter.path), unquote(source)))
