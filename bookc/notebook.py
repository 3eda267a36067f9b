"""(Chapter, tab) -> an nbformat 4.5 notebook, as a learner opens it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

from bookc import marks
from bookc.book import Cell, Chapter, Reference
from bookc.imports import sort_imports
from bookc.ipynb import NotebookNode, nbformat
from bookc.markdown import MARK_LINE, ROLES
from bookc.refs import Refs, citation_text, reference_text
from bookc.slides import strip_slides

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
ROLE_OR_RUN = re.compile(rf":({'|'.join(ROLES)}):`+([^`\n]+)`+|(`+)")


def make_notebook(
    chapter: Chapter,
    tab: str,
    refs: Refs | None = None,
    quick: bool = False,
    sort_in: str = "",
) -> NotebookNode:
    """Compile one section for one tab.

    Args:
        chapter: with that tab's cells only (`tabs.select_tab`).
        refs: what references read as; None leaves d2lbook's marks in the prose.
        quick: take the `#@quick` values.
        sort_in: the book's folder, to sort imports as isort does there; "" leaves them.

    Returns:
        A valid notebook without outputs. A code cell's metadata says where its source is:
        `bookc.source`, `bookc.line`, and `bookc.lines` where marks left gaps.

    Raises:
        BookError: a `#@quick` that cannot be used.
    """
    cells = []
    for cell in chapter.cells:
        where = {"source": chapter.file, "line": cell.line}
        if cell.kind == "markdown":
            source = cell.source if refs is None else _readable(cell, chapter.path, refs)
            node = NotebookNode(id=cell.id, cell_type="markdown", source=source)
        else:
            node, lines = _code_cell(cell, chapter.file, quick, sort_in)
            if not node.source.strip():
                continue
            where["line"] = lines[0]
            if lines != tuple(range(lines[0], lines[0] + len(lines))):
                where["lines"] = list(lines)
        # nbformat's own makers check each cell alone; the notebook is checked when it is written.
        node.setdefault("metadata", NotebookNode())["bookc"] = NotebookNode(where)
        cells.append(node)
    metadata = {
        "kernelspec": dict(KERNEL),
        "language_info": dict(LANGUAGE),
        "bookc": {"source": chapter.file, "tab": tab},
    }
    return NotebookNode(
        nbformat=4, nbformat_minor=5, metadata=nbformat.from_dict(metadata), cells=cells
    )


def source_line(cell: NotebookNode, line: int) -> int:
    """The Markdown line of line `line` (from 1) of a compiled code cell."""
    where = cell.metadata["bookc"]
    lines = where.get("lines")
    if lines:
        return int(lines[min(line, len(lines)) - 1])
    return int(where["line"]) + line - 1


def _code_cell(
    cell: Cell, file: str, quick: bool, sort_in: str
) -> tuple[NotebookNode, tuple[int, ...]]:
    source, lines = marks.strip_marks(cell)
    if quick:
        # Replaced values keep their lines, so the line numbers of the full cell hold.
        changed = replace(cell, source=marks.quick_source(cell, file))
        source, lines = marks.strip_marks(changed)
    if sort_in:
        source, order = sort_imports(source, sort_in)
        lines = tuple(lines[number - 1] for number in order)
    tags = marks.tags_of(cell)
    node = NotebookNode(
        id=cell.id,
        cell_type="code",
        metadata=NotebookNode(tags=list(tags)) if tags else NotebookNode(),
        source=source,
        execution_count=None,
        outputs=[],
    )
    return node, lines


def _readable(cell: Cell, path: str, refs: Refs) -> str:
    """Prose as plain Markdown: references are links, equations tagged, labels gone."""
    lines: list[str | None] = list(strip_slides(cell.source).split("\n"))
    verbatim: set[int] = set()
    for token in refs.tokens[cell.id]:
        if token.map is None:
            continue
        first, end = token.map
        if token.type == "fence":
            verbatim.update(range(first, end))
            if token.info.strip() == "toc":
                lines[first:end] = [None] * (end - first)
                lines[first] = _toc_links(token.content, path, refs)
        elif token.type == "math_block":
            verbatim.update(range(first, end))
            if token.meta.get("number"):
                head, dollars, tail = str(lines[end - 1]).rpartition("$$")
                lines[end - 1] = f"{head}\\tag{{{token.meta['number']}}}{dollars}{tail}"
        elif token.type == "figure" and token.meta["number"]:
            # Jupyter shows a picture's caption only where the picture is missing.
            caption = (token.children or [token])[0].content
            lines[end - 1] = f"{lines[end - 1]}\n\n**Fig. {token.meta['number']}.** {caption}"
        elif token.type == "table_open" and "caption" in token.meta:
            at = token.meta["caption_line"]
            caption = str(lines[at]).lstrip(": ")
            lines[at] = f"**Table {token.meta['number']}.** {caption}"
    read = _reader(path, refs)
    result = []
    for at, line in enumerate(lines):
        if line is None or (MARK_LINE.fullmatch(line) and at not in verbatim):
            continue
        result.append(line if at in verbatim else _replace_roles(line, read))
    return "\n".join(result).strip()


def _replace_roles(line: str, read: Callable[[re.Match[str]], str]) -> str:
    """A line with each role outside of code spans replaced; what begins first wins."""
    if ":" not in line:
        return line
    starts: dict[int, list[int]] = {}  # of the runs of backticks, by length, last one first
    for run in reversed(list(re.finditer("`+", line))):
        starts.setdefault(len(run[0]), []).append(run.start())
    parts = []
    at = 0
    while found := ROLE_OR_RUN.search(line, at):
        parts.append(line[at : found.start()])
        at = found.end()
        if found[1]:
            parts.append(read(found))
            continue
        same = starts.get(len(found[3]), [])
        while same and same[-1] < at:
            same.pop()
        if same:
            at = same.pop() + len(found[3])
        parts.append(line[found.start() : at])
    return "".join([*parts, line[at:]])


def _toc_links(content: str, path: str, refs: Refs) -> str:
    """The lines of a `toc` block as a list of links between notebooks."""
    links = []
    read = _reader(path, refs, linked=False)
    for line in content.split("\n"):
        name = line.strip().removesuffix(".md")
        if name and not name.startswith(":"):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            if target in refs.titles:
                links.append(f"- [{_replace_roles(refs.titles[target], read)}]({name}.ipynb)")
    return "\n".join(links)


def _reader(path: str, refs: Refs, linked: bool = True) -> Callable[[re.Match[str]], str]:
    """Replaces one role by the text that a reader of the notebook sees.

    Args:
        linked: whether it is a link; in the text of a link there is none.
    """

    def read(found: re.Match[str]) -> str:
        role, value = found[1], found[2]
        names = value.split(",") if role in ("cite", "citet") else [value]
        known = refs.bibliography if role in ("cite", "citet") else refs.labels
        if not all(name.strip() in known for name in names):
            return found[0]  # in a code span of several lines, or an author's fault
        if role in ("cite", "citet"):
            cited = [refs.bibliography[key.strip()] for key in names]
            texts = [_link(citation_text(one, role == "citet"), one, linked) for one in cited]
            return ", ".join(texts) if role == "citet" else f"({'; '.join(texts)})"
        label = refs.labels[value.strip()]
        text = reference_text(label)
        if role == "ref" and label.title:
            # A title may hold roles itself, but in those a title is not looked into again.
            within = _reader(path, refs, linked=False)
            text = _replace_roles(label.title, within) if linked else label.title
        if label.chapter == path or label.kind == "equation" or not linked:
            return text
        return f"[{text}]({posixpath.relpath(label.chapter, posixpath.dirname(path) or '.')}.ipynb)"

    return read


def _link(text: str, reference: Reference, linked: bool) -> str:
    return f"[{text}]({reference.url})" if reference.url and linked else text
